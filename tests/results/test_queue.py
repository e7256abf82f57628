"""The queue of one side: BitMEX's six accounts, the order of the engine, and bad arguments."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

import stress
from stress.engine.prepare import prepare
from stress.kernels.rules.records import SCORES
from stress.results.queue import lights, queue
from tests import naive
from tests.support.twin import S0, make_book, make_venue, naive_rules

QUANTITY, SCORE = [10, 10, 20, 30, 20, 10], [3, 6, 1, 4, 5, 2]  # bitmex.com/app/autoDeleveragingExamples


def test_bitmex_counts_contracts_from_the_top_rounded_up_to_a_fifth():
    """Accounts 2, 5, 4, 1, 6, 3 are shown at 20, 40, 60, 80, 80 and 100 %."""
    found = lights(SCORE, QUANTITY, "contracts")
    assert found[[1, 4, 3, 0, 5, 2]].tolist() == [5, 4, 3, 2, 2, 1]
    assert lights(SCORE)[[1, 4, 3, 0, 5, 2]].tolist() == [5, 4, 3, 2, 1, 1]  # by rank over number


def test_short_twenty_bankrupt_closes_accounts_two_and_five():
    """Longs of equal score have none of BitMEX's figures, so the order is given by the score `profit`."""
    gain = 10.0 * np.array(SCORE)
    quantity = np.array(QUANTITY, float)
    entry = 600.0 - gain / quantity
    side = [1.0] * 6 + [-1.0, -1.0]
    book = stress.Book(side, [*quantity, 20, 80], [*entry, 600, 600], [*(quantity * entry), 20 * 50, 80 * 600])
    venue = stress.Venue(
        "bitmex", [stress.Tier(0, np.inf, 100, 0.005)], score="profit", settlement="bankruptcy"
    )  # a short of 20, bankrupt at 650
    jump = stress.prices.Paths([[600.0, 660.0]])
    design = prepare(book, venue, jump, fund=0.0)
    table = queue(design, "long")
    assert table.index.tolist() == [1, 4, 3, 0, 5, 2]
    assert table["light"].tolist() == [5, 4, 3, 2, 2, 1]
    assert table["quantity_ahead"].tolist() == [0, 10, 30, 60, 70, 80]
    assert table["notional_ahead"].tolist() == (600.0 * table["quantity_ahead"]).tolist()
    at = queue(replace(design, venue=replace(venue, score="random")), "long")
    assert at["score"].isna().all()
    taken = stress.simulate(book, venue, jump, fund=0.0).positions["adl_share"].to_numpy()
    order = queue(design, "long", 660.0).index[:2]
    left = 20.0
    for number in order:  # the first of the queue at that price, until 20 contracts are closed
        assert taken[number] == pytest.approx(min(left, quantity[number]) / quantity[number])
        left = max(0.0, left - quantity[number])


@pytest.mark.filterwarnings("ignore::stress.book.columns.BookWarning")
@pytest.mark.parametrize("score", [s for s in SCORES if s in naive.SCORES])
def test_the_order_is_that_of_the_twin(score):
    row = dict(tiers="continuous", tier_basis="notional", floor="none", fee_rate=0.0, residual="fund", policy="queue",
               score=score, settlement="profit", adl_price="bankruptcy")  # fmt: skip
    venue = make_venue(row, 0.0)
    for seed in range(4):
        book = make_book(random.Random(seed), venue)
        design = prepare(book, venue, stress.prices.Paths([[S0, S0]]), fund=0.0)
        for side, price in (("long", 1.03 * S0), ("short", 0.97 * S0)):
            found = queue(design, side, price)
            sign = 1 if side == "long" else -1
            held = {
                i: naive.Position(sign, *map(float, (book.quantity[i], book.entry_price[i], book.margin[i])))
                for i in np.flatnonzero(book.side == sign)
            }
            gives = [i for i, p in held.items() if naive.profit(p, price) > 0 and naive.equity(p, price) > 0]
            key = {i: naive.rounded(naive.SCORES[score](held[i], price, naive_rules(venue))) for i in gives}
            assert found.index[found["can_give"]].tolist() == sorted(gives, key=lambda i: (-key[i], i))
            assert found["score"].dropna().tolist() == pytest.approx(sorted(key.values(), reverse=True))
            assert sorted(found.index) == sorted(held)


def test_wrong_arguments_are_said_at_once():
    with pytest.raises(stress.InputError) as error:
        lights([[1.0]], [0.0], "thirds")
    assert {p.column for p in error.value.problems} == {"scores", "quantity", "convention"}
    with pytest.raises(stress.InputError) as error:
        lights([1.0, 2.0], convention="contracts")
    assert [p.column for p in error.value.problems] == ["quantity"]
