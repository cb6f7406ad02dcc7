"""What a user would pick instead of attar, each in an environment of its own and measured on the same arrays.

`environment.measure("nncodec", {"name": array})` is what a benchmark of coders needs; one of whole networks takes the
smallest file that keeps a limit from `sweep.best_global` or `per_tensor.best_per_tensor`. A file NAME_worker.py runs
inside the environment of requirements/NAME.txt, so it imports nothing but that peer, numpy and `worker.py`.
"""
