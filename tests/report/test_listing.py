"""Rows on wide and narrow terminals, and where nobody looks: names are whole, nothing is left out."""

import io

import pytest
from rich.console import Console

from attar.report.listing import Listing

NAME = "model.encoder.layers.11.self_attention.query_projection.weight"


def printed(listing, width, *, terminal=True):
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=terminal, color_system=None, soft_wrap=True).print(listing)
    return out.getvalue().splitlines()


@pytest.fixture
def listing():
    made = Listing("", "layer", ">before", ">after", "how")
    made.add_row("*", NAME, "1,048.6 kB", "98.7 kB", "rank 71, rate distortion, bias correction")
    made.add_row("", "fc", "9 B", "4,096 B", "[bold]kept[/]")
    return made


def test_where_there_is_room_rows_stand_side_by_side(listing):
    head, first, second = printed(listing, 160)
    assert first.index("1,048.6 kB") + len("1,048.6 kB") == second.index("9 B") + len("9 B") == head.index("before") + 6
    assert head.index("how") == first.index("rank 71") == second.index("kept") and second.endswith("kept")


@pytest.mark.parametrize("width", [40, 80, 100])
def test_a_narrow_terminal_gets_names_on_lines_of_their_own(listing, width):
    lines = printed(listing, width)
    assert f"* {NAME}" in lines and "fc" in lines
    assert all(len(line) <= max(width, len(NAME) + 2) for line in lines)
    text = " ".join(" ".join(lines).split())
    assert "before 1,048.6 kB after 98.7 kB how rank 71, rate distortion, bias correction" in text


def test_a_pipe_gets_whole_rows_without_colors(listing):
    lines = printed(listing, 80, terminal=False)
    assert len(lines) == 3 and NAME in lines[1] and lines[1].endswith("bias correction")
    assert "\x1b" not in "".join(lines)


def test_a_title_and_no_rows():
    assert printed(Listing("a", ">b", title="nothing"), 80) == ["nothing", "a  b"]
