"""The one graph: load and check a network, find its weight layers, cut, rewrite and cost it."""

import logging

from .costs import layer_macs
from .cut import cut
from .layers import LeftAlone, Survey, WeightLayer, survey
from .load import load, serialize
from .norms import SimplifiedNorms, simplify_norms
from .rewrite import insert_low_rank, set_initializer

__all__ = [
    "LeftAlone",
    "SimplifiedNorms",
    "Survey",
    "WeightLayer",
    "cut",
    "insert_low_rank",
    "layer_macs",
    "load",
    "serialize",
    "set_initializer",
    "simplify_norms",
    "survey",
]

# onnx_ir notes what it can't do, such as to infer shapes, with a traceback; whoever wants that sets logging up.
logging.getLogger("onnx_ir").addHandler(logging.NullHandler())
