"""Writes the table of columns in docs/tiers.md, from `stress.venue.tiers.aliases`: `python docs/make_tiers.py`."""

from __future__ import annotations

from pathlib import Path

from stress.venue.tiers import aliases

PAGE = Path(__file__).with_name("tiers.md")
BEGIN, END = "<!-- columns -->\n", "<!-- end of columns -->\n"


def render() -> str:
    """The page with its table of today."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    rows = [f"| {field} | {meaning} | {names} |\n" for field, meaning, names in aliases.describe()]
    table = "".join(["| field | is | names |\n", "|---|---|---|\n", *rows])
    return head + BEGIN + table + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
