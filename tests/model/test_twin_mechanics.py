"""The engine equals the naive twin under every option of both parts of the model, and each rule matters."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.pairwise import all_pairs
from tests.support.twin import DT
from tests.support.twin_mechanics import (
    OFF,
    OPTIONS,
    ROWS,
    TABLE,
    assert_agree,
    changes,
    make_case,
    refused,
    run_engine,
    run_row,
    run_twin,
)

BOOKS, LOOKED_AT = 5, 1  # of each row, and with each of its rules switched off
LEAST = 0.1  # share of the books in which a rule must change something
RARELY = ("drawdown_stop", "adl_lot")  # after a second deficit; whose sums stay: see test_examples_triggers
CUT_LATE, GAIN, NOTHING_LEFT = (
    "late cuts that leave a short no level above zero",
    "a carrier's loss after it has sold with a gain",
    "met where nothing is left of it, but for rounding",
)
FOUND = [  # why, the address of the case, and its options
    (CUT_LATE, 13, 252, dict(
        settlement="profit", policy="top_truncation", score="profit", adl_price="bankruptcy", residual="fund",
        fee_rate=0.0, floor="none", tier_basis="entry_notional", tiers="one", continuous=False, jump_gap=1.0,
        depth="falling square root", lateness="gap", closeout="fraction rests", waterfall="adl alone",
        throughput=2 / DT, mark="clamp", outage=True, **{"bad tick": True})),
    (CUT_LATE, 28, 240, dict(
        settlement="bankruptcy", policy="leverage_drain", score="profit", adl_price="previous_mark", residual="trader",
        fee_rate=0.01, floor="drawdown", tier_basis="quantity", tiers="continuous", continuous=True, jump_gap=1.0,
        depth="infinite", lateness="delay", closeout="two tiers", carrier="bankrupt", waterfall="no adl", mark="clamp",
        orders="both", funding="rates", fund_in="coin", **{"bad tick": True})),
    (CUT_LATE, 29, 47, dict(
        settlement="bankruptcy", policy="pro_rata", score="profit_size", adl_price="previous_mark", residual="trader",
        fee_rate=0.01, floor="reserve", tier_basis="entry_notional", tiers="flat", continuous=False, jump_gap=0.6,
        depth="scheduled", lateness="gap", closeout="tiers", waterfall="vault first", throughput=2 / DT, mark="clamp",
        orders="take-profits", outage=True, fund_in="coin")),
    (GAIN, 50, 94, dict(
        settlement="bankruptcy", policy="leverage_pro_rata", score="profit_size", adl_price="previous_mark",
        residual="trader", fee_rate=0.0, floor="none", tier_basis="notional", tiers="one", continuous=False,
        jump_gap=0.0, depth="infinite", lateness="gap", closeout="fraction", carrier="two thirds",
        waterfall="vault alone", throughput=2 / DT, mark="ema", orders="both", outage=True, **{"bad tick": True})),
    (NOTHING_LEFT, 48, 14, dict(
        settlement="bankruptcy", policy="queue", score="hyperliquid", adl_price="bankruptcy", residual="fund",
        fee_rate=0.0, floor="none", tier_basis="quantity", tiers="one", continuous=True, jump_gap=1.0, depth="linear",
        lateness="late", closeout="fraction", carrier="two thirds", waterfall="vault alone", mark="clamp",
        orders="stops", funding="rate", stale=True, **{"bad tick": True})),
]  # fmt: skip


def test_each_pair_of_options_meets():
    index = {name: {repr(value): k for k, value in enumerate(values)} for name, values in OPTIONS.items()}
    met = set()
    for row in TABLE:
        assert not refused(row)
        met |= {(a, repr(row[a]), b, repr(row[b])) for a in row for b in row if a != b}
    for a, i, b, j in all_pairs(OPTIONS, refused):
        assert (a, repr(OPTIONS[a][i]), b, repr(OPTIONS[b][j])) in met
    assert len(all_pairs(OPTIONS)) - len(all_pairs(OPTIONS, refused)) < 0.02 * len(all_pairs(OPTIONS)), index


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_engine_equals_twin(number):
    run_row(number, BOOKS)


@pytest.mark.parametrize(("why", "number", "book", "options"), FOUND)
def test_books_that_were_unequal_once(why, number, book, options):
    case = make_case(OFF | {"entries": "near"} | options, number, book)
    assert_agree(run_engine(case), run_twin(case), case, why)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(ROWS)))
def test_engine_equals_twin_on_many_books(number):
    run_row(number, 300, BOOKS)


def test_each_rule_changes_many_books():
    on, changed = Counter(), Counter()
    for number, row in enumerate(TABLE):
        outcomes = [run_twin(make_case(row, number, i), check=False) for i in range(LOOKED_AT)]
        for rule, off in OFF.items():
            if row[rule] == off or refused(row | {rule: off}):
                continue
            on[rule] += LOOKED_AT
            changed[rule] += sum(changes(number, i, rule, outcome) for i, outcome in enumerate(outcomes))
    shares = {rule: round(changed[rule] / on[rule], 3) for rule in OFF if rule not in RARELY}
    assert {rule: share for rule, share in shares.items() if share < LEAST} == {}


@pytest.mark.nojit
def test_a_few_books_without_the_compiler():
    for number in range(0, len(ROWS), 9):
        run_row(number, 1)
