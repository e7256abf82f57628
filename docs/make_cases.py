"""Writes docs/cases.md: incidents of the past beside what the model says of them. `python docs/make_cases.py`.

The cases are in `docs/cases/`. They need no data: prices are made from published points. Every run is one path, so the
page is the same each time.
"""

from __future__ import annotations

import sys
import textwrap
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from docs.cases import lifted_cap, mark_zero, vault, wick  # noqa: E402
from docs.cases.case import Case, Table  # noqa: E402

PAGE = ROOT / "docs" / "cases.md"
CASES = (vault.JELLY, vault.POPCAT, wick.XPL, lifted_cap.ASTER, mark_zero.PARADEX)
WIDTH = 120
INTRO = """\
# Cases

Made by `python docs/make_cases.py`; change `docs/cases/`, not this page.

Incidents of venues rather than of markets, beside what the model says when it is given the published sizes.
*Published* has the figures with their sources, nearly all of them secondary (official, copy, secondary, as in venue
files). *The model* has figures of one path each, exact for that path, and no probability. Prices are straight lines
in log price between published points, not records. A figure that agrees proves little where one was assumed; where
the model fails is said.
"""


def table(found: Table) -> str:
    rule = ["---"] + ["---:"] * (len(found.head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (found.head, rule, *found.rows))


def fold(text: str, first: str = "", rest: str = "") -> str:
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False,
                         break_on_hyphens=False)  # fmt: skip


def section(case: Case) -> str:
    published = Table(
        ("published", "figure", "source"), tuple((p.what, p.figure, ", ".join(p.sources)) for p in case.published)
    )
    rows = table(published).replace("---:", "---")
    parts = [f"## {case.title}", fold(case.story), rows, "**Assumed.**"]
    parts.append("\n".join(fold(text, "- ", "  ") for text in case.assumed))
    parts.append("**The model.**")
    for line, found in case.tables():
        parts += [line, table(found)]
    parts += [fold(case.reading), fold(f"**Where it fails.** {case.fails}")]
    parts.append("\n".join(f"- {key}: {s.page} ({s.kind}, {s.date})" for key, s in case.sources.items()))
    return "\n\n".join(parts)


def render() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # made-up books; late fills are assumed, and said
        return "\n\n".join([INTRO.strip(), *map(section, CASES)]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
