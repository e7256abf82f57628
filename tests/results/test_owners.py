"""What owners have at the end of a path, from its event log, against the ledger of the naive twin."""

from __future__ import annotations

import numpy as np
import pytest

from stress.analysis.adl_events import measure
from stress.analysis.without_adl import without_adl
from stress.engine.design import Design
from stress.results.owners import Owners
from stress.results.replay import run_again
from tests import naive
from tests.support import twin_mechanics as cases
from tests.support.twin import S0
from tests.twin import deleverage

ROWS = range(0, len(cases.ROWS), 2)


@pytest.fixture
def watched(monkeypatch):
    """Twins at the end of their path, and how many each of their ADL events could hit."""
    seen: dict[str, list] = {"ends": [], "eligible": []}
    finish, allocate = naive.Design.finish, deleverage.allocate

    def finish_and_keep(self, x):
        out = finish(self, x)
        seen["ends"].append(self)
        return out

    def allocate_and_count(policy, capacity, *rest):
        seen["eligible"].append(len(capacity))
        return allocate(policy, capacity, *rest)

    monkeypatch.setattr(naive.Design, "finish", finish_and_keep)
    monkeypatch.setattr(deleverage, "allocate", allocate_and_count)
    return seen


def results_of_twin(end: naive.Design) -> np.ndarray:
    """Result of each owner: cash and equity at the last mark, less top-ups and the equity at the start."""
    price = end.previous_mark - end.G
    found = np.array(end.ledger.trader_cash)
    for i, (now, then) in enumerate(zip(end.positions, end.ledger.start, strict=True)):
        found[i] += naive.equity(now, price) if now.quantity > 0 else 0.0
        found[i] -= naive.equity(then, S0)
    for event in end.out.events:
        if event.kind == "top_up":
            found[event.position] -= event.money
    return found


def results_of_engine(design: Design) -> tuple[np.ndarray, list[dict], np.ndarray]:
    prices, _ = design.price_block(0, 1)
    log, out = run_again(design, prices, 0, design.fund)
    owners = Owners(design)
    events, fills = measure(design, 0, log, owners, "profit")
    found = np.empty(len(design.book))
    found[owners.number] = owners.result(float(out["mark_end"][0]))
    return found, events, fills


def test_results_are_those_of_the_ledger(watched):
    hits = moved = 0
    for number in ROWS:
        case = cases.make_case(cases.ROWS[number], number, 0)
        result = cases.run_engine(case)
        design = result.design
        assert design is not None
        if not result.paths["adl_events"].iloc[0]:
            continue
        for one in (design, without_adl(design)):
            watched["ends"].clear()
            watched["eligible"].clear()
            outcome = cases.run_twin(cases.Case(case.book, one.venue, case.path, case.settings | {
                "layers": dict(one.layers or {})}), check=False)  # fmt: skip
            limited = watched["ends"][0]
            found, events, fills = results_of_engine(one)
            scale = case.book.open_interest(S0)
            assert found == pytest.approx(results_of_twin(limited), abs=1e-8 * scale, rel=0), (number, one.venue)
            of_limited = watched["eligible"][: outcome.adl_events]
            if one.venue.adl_losers == "spared":  # else those without a profit are asked apart
                assert [event["eligible"] for event in events] == of_limited, (number, one.venue)
            assert sum(event["taken"] for event in events) == pytest.approx(outcome.adl_usd, abs=1e-8 * scale)
            assert sum(event["residual"] for event in events) <= outcome.residual + outcome.socialised + 1e-8 * scale
            hits += fills.size
            moved += one is not design and bool(outcome.residual)
    assert hits > 25
    assert moved > 3
