"""Auto-deleveraging in the naive twin: the queue, sharing, scores, and worked examples by hand."""

import pytest

from tests.naive import LONG, SCORES, SHORT, Depth, Design, Position, allocate, profit_size_keys, simulate
from tests.support.naive_cases import kinds, long, rules, short, worked_example

pytestmark = pytest.mark.nojit


def test_queue_of_a_published_example():
    quantities, scores = [10, 10, 20, 30, 20, 10], [3, 6, 1, 4, 5, 2]
    assert allocate("queue", quantities, scores, 20) == [0, 10, 0, 0, 10, 0]

    book = [short(20.0, 600.0, 650.0)] + [long(float(q), 500.0, 300.0) for q in quantities]
    venue = rules(settlement="bankruptcy", score="random")
    out = simulate(book, venue, [600.0, 700.0], random_score=lambda step, side, i: scores[i - 1])
    assert out.adl_share == [0, 0, 1.0, 0, 0, 0.5, 0]
    assert [event.price for event in kinds(out, "adl")] == [650.0, 650.0]
    assert out.residual == 0.0


def test_sharing_rules():
    w = [8.0, 4.0, 0.5]
    assert allocate("queue", w, [2, 3, 1], 7.5) == [3.5, 4, 0]
    assert allocate("pro_rata", w, [1, 1, 1], 7.5) == pytest.approx([4.8, 2.4, 0.3])
    assert allocate("top_truncation", w, [1, 1, 1], 6.0) == pytest.approx([5, 1, 0])
    assert allocate("leverage_pro_rata", [10, 10], [10, 1], 11) == pytest.approx([10, 1])
    assert allocate("leverage_pro_rata", [10, 10], [4, 1], 5) == pytest.approx([4, 1])
    assert allocate("leverage_drain", [10, 10], [10, 2], 5) == pytest.approx([5, 0])
    assert allocate("leverage_drain", [10, 10], [10, 2], 12) == pytest.approx([20 - 12 + 2 / 3, 10 / 3])
    for policy in ("queue", "pro_rata", "leverage_pro_rata", "leverage_drain", "top_truncation"):
        assert allocate(policy, w, [3, 2, 1], 100.0) == pytest.approx(w)
        assert allocate(policy, [], [], 100.0) == []


def test_a_sliver_of_the_budget_hits_nobody():
    assert allocate("queue", [10.0, 10.0], [2, 1], 10 + 5e-12) == [10.0, 0.0]
    assert allocate("queue", [10.0, 10.0], [2, 1], 10 + 5e-11)[1] > 0


@pytest.mark.parametrize(
    ("score", "of_long", "of_short"),
    [
        ("pnl_leverage", 0.1 * 5.5, 0.1 * 4.5),
        ("binance", 20 / 20 * 2.2 / 40, 20 / 20 * 1.8 / 40),
        ("hyperliquid", 1.1 * 5.5, 4.5 / 0.9),
        ("profit", 20, 20),
        ("size", 220, 180),
    ],
)
def test_scores(score, of_long, of_short):
    """Two contracts from 100 with 20 of margin, ten in profit each, maintenance 1 %."""
    assert SCORES[score](Position(LONG, 2.0, 100.0, 20.0), 110.0, rules(0.01)) == pytest.approx(of_long)
    assert SCORES[score](Position(SHORT, 2.0, 100.0, 20.0), 90.0, rules(0.01)) == pytest.approx(of_short)


def test_binance_score_of_a_small_margin():
    p = Position(LONG, 2.0, 100.0, 0.5)
    assert SCORES["binance"](p, 110.0, rules(0.01)) == pytest.approx(20 / 1 * 2.2 / 20.5)


def test_profit_size_ranks_by_class_then_by_notional():
    winners = [Position(LONG, 1.0 + i, 50.0 + i // 2, 10.0) for i in range(20)]
    keys = profit_size_keys(winners, 100.0)
    best_first = sorted(range(20), key=lambda i: keys[i], reverse=True)
    assert best_first == [i + d for i in range(0, 20, 2) for d in (1, 0)]


def test_worked_example_in_money():
    out = simulate(worked_example(), rules(0.005, score="profit"), [9_000.0, 10_000.0])
    assert (out.depleted, out.depletion_step) == (True, 1)
    assert out.deficit == out.adl_usd == pytest.approx(50_000)
    assert out.adl_quantity == pytest.approx(25)
    assert kinds(out, "adl")[0].quantity_left == pytest.approx(25)
    assert out.eligible == [False, True, False]
    assert out.residual == 0.0
    assert out.fund_end == 0.0


def test_worked_example_at_the_bankruptcy_price():
    venue = rules(0.005, score="profit", settlement="bankruptcy")
    out = simulate(worked_example(), venue, [9_000.0, 10_000.0])
    assert kinds(out, "adl")[0].price == pytest.approx(9_500)
    assert (out.adl_share[1], out.adl_share[2]) == (1.0, 0.0)
    assert out.adl_quantity == pytest.approx(50)
    assert out.adl_usd == pytest.approx(25_000)
    assert out.residual == pytest.approx(25_000)
    both = simulate(worked_example(c_entry=9_800.0), venue, [9_000.0, 10_000.0])
    assert both.adl_usd == pytest.approx(50_000)
    assert both.residual == 0.0


@pytest.mark.parametrize(
    ("adl_price", "usd", "residual", "inflow"),
    [("bankruptcy", 50_000, 0, 0), ("mark", 0, 50_000, 0), ("previous_mark", 100_000, 0, 50_000)],
)
def test_price_of_the_contracts_winners_take(adl_price, usd, residual, inflow):
    """Another price than 9,500 moves the difference between the winners and the bankrupt's side."""
    venue = rules(0.005, score="profit", settlement="bankruptcy", adl_price=adl_price)
    out = simulate(worked_example(c_entry=9_800.0), venue, [9_000.0, 10_000.0])
    assert out.adl_usd == pytest.approx(usd, abs=1e-6)
    assert out.residual == pytest.approx(residual, abs=1e-6)
    assert out.inflow == out.fund_end == pytest.approx(inflow, abs=1e-6)
    assert out.net_loss_peak == pytest.approx(50_000)


def test_the_previous_mark_is_that_of_the_step_before():
    venue = rules(0.005, settlement="bankruptcy", adl_price="previous_mark")
    out = simulate(worked_example(), venue, [9_000.0, 9_200.0, 10_000.0])
    assert kinds(out, "adl")[0].price == 9_200.0


def test_fund_then_winners_then_residual():
    """Of 50,000 the fund pays 20,000 and B, whose whole profit is 20,000, as much; 10,000 stay."""
    book = worked_example()
    book[1] = Position(LONG, 10.0, 8_000.0, 80_000.0)
    out = simulate(book, rules(0.005), [9_000.0, 10_000.0], fund=20_000.0)
    assert (out.fund_end, out.fund_low) == (0.0, 0.0)
    assert out.adl_usd == pytest.approx(20_000)
    assert out.adl_share[1] == 1.0
    assert out.residual == pytest.approx(10_000)


def test_partly_funded_bankruptcy_keeps_the_unfunded_share():
    book = worked_example(c_entry=9_800.0)
    out = simulate(book, rules(0.005, settlement="bankruptcy"), [9_000.0, 10_000.0], fund=20_000.0)
    assert out.adl_quantity == pytest.approx(60)
    assert out.adl_usd == pytest.approx(30_000)
    assert out.liquidated_quantity == 100.0


def test_shares_compound_over_two_events():
    book = [short(10.0, 100.0, 105.0), short(10.0, 100.0, 115.0), long(20.0, 90.0, 10.0)]
    out = simulate(book, rules(), [100.0, 110.0, 120.0])
    first = 50 / 400
    second = 50 / ((1 - first) * 600)
    assert out.adl_share[2] == pytest.approx(first + (1 - first) * second)
    assert (out.adl_count, out.adl_events) == (1, 2)


def test_winners_market_orders_trigger_their_own_side():
    """The fall bankrupts a long; closing a big winner buys so much that a short goes although the price fell."""
    book = [long(1.0, 100.0, 99.5), short(100.0, 89.92, 119.92), short(1.0, 100.0, 103.0)]
    depth = Depth(usd=495.0, max_displacement=0.5)
    out = simulate(book, rules(score="size"), [100.0, 90.0], depth=depth)
    assert [event.kind for event in out.events[:4]] == ["liquidation", "adl_event", "adl", "liquidation"]
    assert out.liquidated == [True, False, True]
    assert out.adl_share[1] > 0.8


def test_both_sides_are_worked_until_neither_is_triggered():
    """Shorts go first in a flat step, but the one that goes is triggered by the ADL of the long's turn."""
    book = [long(1.0, 120.0, 105.0), short(100.0, 99.87, 130.0), short(1.0, 100.0, 103.0)]
    depth = Depth(usd=495.0, max_displacement=0.5)
    out = simulate(book, rules(score="size"), [100.0, 100.0], depth=depth, under_margin="liquidate")
    assert [(event.kind, event.position) for event in out.events[:4]] == [
        ("liquidation", 0),
        ("adl_event", LONG),
        ("adl", 1),
        ("liquidation", 2),
    ]


def test_only_contracts_nobody_takes_reach_the_book():
    """Settlement `bankruptcy`, no fund: 10 contracts, of which a winner takes all, four or none."""
    for winner, absorbed in [(10.0, 0.0), (4.0, 6.0), (None, 10.0)]:
        book = [long(10.0, 100.0, 95.0)] + ([short(winner, 100.0, 190.0)] if winner else [])
        venue, depth = rules(settlement="bankruptcy"), Depth(usd=1e5)
        run = Design(book, venue, 100.0, depth, 0.0, 60.0, 0.0, 1.0, "error", None, True, "kept")
        run.take_step(100.0, None, 80.0)
        assert run.book.v == pytest.approx(absorbed)
        assert run.out.residual == pytest.approx(absorbed / 10 * run.out.deficit)


def test_ties_are_noticed():
    twins = [long(1.0, 100.0, 90.0), long(2.0, 100.0, 90.0)]
    assert simulate(twins, rules(), [100.0, 100.0]).ties
    assert not simulate([twins[0], short(1.0, 80.0, 110.0)], rules(), [100.0, 100.0]).ties
    equal_scores = [long(1.0, 100.0, 95.0), short(1.0, 100.0, 120.0), short(1.0, 100.0, 130.0)]
    assert simulate(equal_scores, rules(score="profit"), [100.0, 90.0]).ties
    assert not simulate(equal_scores, rules(), [100.0, 90.0]).ties
    first = simulate(equal_scores, rules(score="profit"), [100.0, 90.0])
    assert first.adl_hit == [False, True, False]
