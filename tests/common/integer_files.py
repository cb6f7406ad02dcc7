"""Files with programs, as `compress --integer` makes them, calibrated on all that was seen and without a search."""

import numpy as np
import onnx
import onnxruntime as ort

from attar import Engine, container
from attar.graph import load
from attar.runtime.engine.build import with_programs
from attar.runtime.engine.network import Network
from attar.runtime.integer import Affine, MinMax

Arrays = dict[str, np.ndarray]


def in_floats(proto: onnx.ModelProto, inputs: Arrays) -> Arrays:
    """Return what onnxruntime answers."""
    session = ort.InferenceSession(proto.SerializeToString())
    return dict(zip([each.name for each in session.get_outputs()], session.run(None, inputs), strict=True))


def settled(proto: onnx.ModelProto, inputs: Arrays) -> Network:
    """Return the network with all in floats that cannot run in integers on these samples."""
    network = Network.of(load(proto), Affine(), {}, {name: values.shape[1:] for name, values in inputs.items()})
    while refused := network.unfit(network.observe(inputs, threads=1)):
        network = network.without(refused)
    return network


def integer_file(proto: onnx.ModelProto, inputs: Arrays) -> tuple[bytes, Network]:
    """Return a file with programs, and what of the network they are."""
    network = settled(proto, inputs)
    done = network.lowered(network.observe(inputs, threads=1).formats(Affine(), method=MinMax()))
    ends = done[0].ends if network.is_whole else ()
    programs = [part.program for part in done]
    data, _ = with_programs(container.to_bytes(network.model), programs, in_parts=not network.is_whole, ends=ends)
    return data, network


def engine_of(proto: onnx.ModelProto, inputs: Arrays) -> tuple[Engine, Network]:
    """Return the engine of such a file."""
    data, network = integer_file(proto, inputs)
    return Engine(data, threads=1), network
