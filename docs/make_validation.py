"""Writes docs/validation.md: the engine against closed forms. From the root: `python docs/make_validation.py`.

The cases are in `docs/validation/`; seeds are fixed, so the page is the same on every run. Exits 1 if a case fails, and
writes the page all the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from docs.validation import adl, deficits, engine, estimates, fund, models, positions, shocks, tail  # noqa: E402
from docs.validation.case import Case  # noqa: E402

PAGE = ROOT / "docs" / "validation.md"
SECTIONS = [part.section for part in (positions, models, deficits, shocks, fund, adl, estimates, tail, engine)]
INTRO = """\
# Validation

Made by `python docs/make_validation.py`; change `docs/validation/`, not this page.

Every closed form that applies to this engine, expected against got. *Expected* comes from a formula, from arithmetic by
hand or from a publication, never from the engine. *Got* comes from the engine. A Monte Carlo figure passes within four
standard errors (se) of the expected one, any other within its tolerance (tol). In brackets: by how many standard errors
it is off; of so many figures a few are off by more than two. Seeds are fixed.

The laws without a number (conservation at every event, any order of execution, the same bytes on any number of threads)
are tests: `tests/model/test_laws.py`, `tests/engine/test_reproducible.py`. So are those of part II of the model: its
engine equals the twin (`tests/model/test_twin_mechanics.py`), funding sums to zero, a partial liquidation restores the
margin or escalates (`tests/model/test_laws_mechanics.py`), an inverse contract is a linear one in 1/P
(`tests/model/test_inverse.py`), and the ruin of a fund with an income is that of Cramer and Lundberg
(`tests/results/test_horizon.py`). Paths that are drawn by their rarest event have the law of their model
(`tests/prices/test_rarest_jumps.py`, `test_rarities.py`); how much they tell is measured in [rare days](tail.md).
"""


NOT_APPLICABLE = {
    "A fund whose surplus is swept, a fund with a cap": "between days only; within a day the maximum drawdown of C is "
    "not what depletes it; a drawdown floor is, and is above",
    "Cluster sizes of Hawkes jumps (Borel)": "jumps are drawn one after another, so clusters are not known; the "
    "variance of their number is above",
    "SVCJ moments": "no such price model",
    "t-copula and its tail dependence": "one market a run",
    "Expected shortfall of a generalized Pareto tail, Euler shares of it": "D* is not extrapolated",
    "Book without traders": "refused on input",
    "Depth: monotone in several steps": "not a law: an early cheap liquidation can avoid a later gap",
    "Queue instability, death spirals, haircuts on claims, ADL markout": "effects of traders who react, or of later "
    "prices",
    "Cross-margin bankruptcy prices": "isolated positions only; the isolated cases are above",
    "Gini of Pareto winners, effective number of makers": "no such figure is reported",
    "Leverage-weighted haircuts with squared leverage": "no such sharing rule",
    "Fills level by level of an order book, fees on deleveraged contracts": "the book is a curve, and ADL is free",
}


def render() -> tuple[str, int]:
    """The page and the number of cases that fail."""
    parts, failed, total = [], 0, 0
    for section in SECTIONS:
        rows = [_row(case) for case in section.cases]
        failed += sum(row[-1] == "fail" for row in rows)
        total += len(rows)
        parts += [f"## {section.title}\n", _table(["case", "source", "expected", "got", "error", "verdict"], rows)]
    left_out = [f"- **{what}**: {why}.\n" for what, why in NOT_APPLICABLE.items()]
    parts += ["## Closed forms that do not apply\n", "".join(left_out)]
    return "\n".join([INTRO, f"{total} cases, {failed} of them beyond their error.\n", *parts]), failed


def _row(case: Case) -> list[str]:
    found = case.measure()
    error = f"tol {found.error:.3g}"
    if found.sampled:
        error = f"se {found.error:.2g} ({(found.value - case.expected) / found.error:+.1f})"
    verdict = "pass" if found.agrees(case.expected) else "fail"
    return [case.name, case.source, f"{case.expected:.8g}", f"{found.value:.8g}", error, verdict]


def _table(header: list[str], rows: list[list[str]]) -> str:
    rule = ["---", "---", "---:", "---:", "---:", "---"]
    return "".join(f"| {' | '.join(row)} |\n" for row in [header, rule, *rows])


if __name__ == "__main__":
    text, failures = render()
    PAGE.write_text(text, encoding="utf-8")
    sys.exit(1 if failures else 0)
