"""What a user would pick instead of attar, each in an environment of its own and measured on the same arrays.

`environment.measure("nncodec", {"name": array})` is all that a benchmark needs. A file NAME_worker.py runs inside the
environment of requirements/NAME.txt, so it imports nothing but that peer, numpy and `worker.py`.
"""
