"""How text and tables fit a terminal."""

from __future__ import annotations

import io

import pytest

from stress.cli import console
from stress.formatting import SPACE, percent, percent_range, significant, usd, usd_range

pytestmark = pytest.mark.nojit


def printed(width, *objects, watched=True):
    out = console.TextConsole()
    out.file, out.watched = io.StringIO(), watched
    out.width = width
    for o in objects:
        out.print(o)
    return out.file.getvalue()


def test_a_terminal_breaks_between_words_and_never_before_a_unit():
    text = f"a fund of USD{SPACE}11.6{SPACE}M is depleted on 4.91{SPACE}% of days, well-known since 2020"
    for width in range(24, 70):
        lines = printed(width, text).splitlines()
        assert max(map(len, lines)) <= width
        assert " ".join(lines) == text
    assert printed(24, text, watched=False) == text + "\n", "a file or a pipe has whole lines"


COLUMNS = ["leverage", "positions", "fund for 1 %", "ADL, given that there is one"]
ROWS = [
    ["0 to 2x", "7,392", f"USD{SPACE}9.70{SPACE}M\n(9{SPACE}M to 10.0{SPACE}M)", f"0.0049{SPACE}%"],
    ["an account with a long name", "1", f"USD{SPACE}1{SPACE}k\n(0 to 2{SPACE}k)", f"12{SPACE}%"],
]


@pytest.mark.parametrize("width", [30, 44, 60, 66, 72, 80, 100, 160])
def test_a_table_of_any_width_keeps_each_number_whole(width):
    text = printed(width, console.table(COLUMNS, ROWS))
    assert max(map(len, text.splitlines())) <= width
    for row in ROWS:
        for cell in row[1:]:
            for line in cell.split("\n"):
                for part in line.split(" "):
                    assert part in text


def test_a_table_as_wide_as_it_needs_is_a_table_and_a_narrower_one_is_blocks():
    assert len(printed(160, console.table(COLUMNS, ROWS)).splitlines()) == 6
    narrow = printed(44, console.table(COLUMNS, ROWS)).splitlines()
    assert narrow[0] == "0 to 2x"
    assert narrow[1].split() == ["positions", "7,392"]
    assert "an account with a long name" in narrow


def test_a_column_may_be_empty():
    rows = [["speed", "1", ""], ["size", "2", ""]]
    lines = printed(80, console.table(["", "n", ""], rows)).splitlines()
    assert [line.split() for line in lines[-2:]] == [["speed", "1"], ["size", "2"]]


def test_words_of_others_cannot_command_a_terminal():
    assert "\x1b" not in printed(80, console.table(["name", "n"], [["\x1b[31mred", "1"]]), "\x1b[2J")


def plain(text):
    return text.replace(SPACE, " ")


def test_both_ends_of_an_interval_have_as_many_digits():
    assert plain(usd_range(13.2e6, 18e6)) == "USD 13.2 M to 18.0 M"
    assert plain(usd_range(9.7e6, 14.4e6)) == "USD 9.70 M to 14.4 M"
    assert plain(usd_range(0.0, 120.0)) == "USD 0 to 120"
    assert plain(percent_range(0.03, 0.0318)) == "3.0 to 3.2 %"
    assert plain(percent_range(0.9, 0.907)) == "90.0 to 90.7 %"
    assert plain(percent_range(0.0, 0.01)) == "below 1 %"


@pytest.mark.parametrize(
    ("value", "text"), [(9.996, "10.0"), (999.6, "1,000"), (18.0, "18.0"), (0.5, "0.500"), (-3.14159, "-3.14")]
)
def test_full_digits(value, text):
    assert significant(value, full=True) == text


def test_a_number_alone_has_no_zeros_at_its_end():
    assert plain(usd(5e6)) == "USD 5 M"
    assert plain(percent(0.15)) == "15 %"
