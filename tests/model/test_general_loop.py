"""The general loop gives what the loop of part I gives, where that can run."""

from __future__ import annotations

import numpy as np
import pytest

from stress.engine import mechanics
from stress.engine.design import Design
from stress.engine.prepare import prepare
from stress.kernels.path.records import LOG, OUTCOME
from stress.kernels.path.workspace import make_workspace
from tests.support.laws import FINITE, distinct_book, make_paths, make_venue
from tests.support.twin import S0

DIFFERENT = ("logged",)
RULES = {
    "queue": dict(policy="queue", fee_rate=0.002, residual="trader"),
    "classes": dict(policy="queue", score="profit_size", drawdown=0.3),
    "pro rata": dict(policy="pro_rata", adl_price="previous_mark"),
    "drain": dict(policy="leverage_drain", adl_price="mark"),
}


def design_of(rules: dict, settlement: str, **settings) -> Design:
    book, venue = distinct_book(5, n=30), make_venue(settlement=settlement, **rules)
    return prepare(book, venue, make_paths(6, n=12, continuous=True), depth=FINITE, under_margin="drop", **settings)


@pytest.mark.filterwarnings("ignore:Book")
@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("settlement", ["profit", "bankruptcy"])
def test_both_loops_agree(settlement, rules):
    for settings in (dict(fund=60.0, gap=0.3), dict(fund=0.0, delay=80.0), dict(fund=np.inf, gap=0.0)):
        design = design_of(RULES[rules], settlement, **settings)
        assert not design.needs_mechanics
        prices, _ = design.price_block(0, design.n_paths)
        usual, log = design.outcomes(prices, 0, design.fund), np.zeros(0, LOG)
        general = np.zeros(design.n_paths, OUTCOME)
        mechanics.run_alone(design, prices, 0, design.fund, make_workspace(*design.size), general, log)
        scale = design.book.open_interest(S0)
        for name in set(OUTCOME.names or ()) - set(DIFFERENT):
            assert general[name] == pytest.approx(usual[name], abs=1e-9 * scale, rel=0), name
        assert usual["liquidated_count"].sum() > 50
