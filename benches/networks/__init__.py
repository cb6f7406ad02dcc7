"""Two trained ImageNet networks as ONNX models, built node by node without torch, and real photos to judge them on.

`ready.path("squeezenet")` is a file in .peers, made at the first call; `photos.crops("judging")` are uint8 images that
`preprocess` of the network's own module turns into its inputs; `judging` measures what other arrays make of them.
"""
