"""The program section as docs/format.md describes it: its table of operators, its worked example."""

import re
from pathlib import Path

import numpy as np
import pytest

from attar.errors import FormatError
from attar.runtime.engine import KERNELS, Machine
from attar.runtime.engine.section import KINDS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "format.md").read_text().split("## 12 ")[1]
HEADER = (ROOT / "native" / "include" / "attar" / "program.h").read_text()


def example() -> bytes:
    block = PAGE.split("```hex\n")[1].split("```")[0]
    return bytes.fromhex("".join(line.split("#")[0] for line in block.splitlines()))


def test_page_header_and_writer_list_the_same_operators():
    on_page = re.findall(r"^\| (\d+) \| (\w+) \| (?:\d|any) \|", PAGE, re.MULTILINE)
    assert on_page == [(str(number), kind.__name__) for number, kind in enumerate(KINDS)]
    in_header = re.findall(r'X\(ATTAR_\w+, "([a-z ]+)"\)', HEADER)
    assert [name.replace(" ", "") for name in in_header] == [kind.__name__.lower() for kind in KINDS]


@pytest.mark.parametrize("kernels", KERNELS)
def test_the_worked_program_runs(kernels):
    machine = Machine(example(), kernels=kernels)
    machine.ready()
    samples = np.array([[-1, 0, 0.6, 100]], np.float32)
    np.testing.assert_array_equal(machine.run({"x": samples})["y"], [[0, 0, 0.5, 63.5]])
    np.testing.assert_array_equal(machine.run_integers({"x": np.array([[-2, 0, 1, 127]])})["y"], [[0, 0, 2, 254]])


@pytest.mark.parametrize("length", range(len(example())))
def test_a_section_that_ends_early_is_refused(length):
    with pytest.raises(FormatError, match="program section"):
        Machine(example()[:length])


@pytest.mark.parametrize("place", range(len(example())))
def test_a_changed_byte_is_refused_or_makes_another_program(place):
    for value in range(256):
        changed = bytearray(example())
        changed[place] = value
        try:
            machine = Machine(bytes(changed), max_memory_bytes=1 << 20)
            machine.ready()
        except FormatError:
            continue
        inputs = {port.name: np.zeros((1, *port.shape), np.float32) for port in machine.inputs}
        assert {name: found.shape[1:] for name, found in machine.run(inputs).items()} == {
            port.name: port.shape for port in machine.outputs
        }
