"""Concentration: sums by hand, the engine on the same move, and the deficits of its paths."""

import math

import numpy as np
import pytest

import stress
from stress.results import concentration
from tests.support.results import crowd, sample, simulate

TIER = stress.Tier(floor=0.0, cap=math.inf, max_leverage=50.0, maintenance_rate=0.01)
VENUE = stress.Venue(name="x", tiers=(TIER,))


def drop(book, to, jump_gap=1.0):
    """One jump of the price, from 100."""
    return simulate(book, VENUE, stress.prices.Paths([[100.0, to]]), fund=math.inf, jump_gap=jump_gap)


def by_hand():
    """Two longs of a, one of b, a short of c; entry 100, so bankruptcy at 100 - margin / quantity."""
    return stress.Book(
        ["long", "long", "long", "short"], [1.0, 2.0, 4.0, 7.0], [100.0] * 4, [10.0, 40.0, 80.0, 350.0],
        account=["a", "a", "b", "c"],
    )  # fmt: skip


def test_losses_of_accounts_by_hand():
    table = concentration.cover(drop(by_hand(), 70.0), moves=(-0.3, -0.05, 0.3), ks=(1, 2, 3)).set_index("move")
    # bankruptcy at 90, 80, 80: a loses 1 * 20 + 2 * 10, b 4 * 10
    assert table.loc[-0.3].to_dict() == pytest.approx(
        {"accounts": 2, "total": 80.0, "cover_1": 40.0, "cover_2": 80.0, "cover_3": 80.0}
    )
    assert table.loc[-0.05, "total"] == table.loc[0.3, "total"] == 0.0


@pytest.mark.parametrize("jump_gap", [1.0, 0.4])
@pytest.mark.parametrize("move", [-0.3, 0.25])
def test_the_sum_of_all_is_what_the_engine_has_without_impact(move, jump_gap):
    book = crowd(300)
    price = stress.prices.Paths([[60_000.0, 60_000.0 * (1 + move)]])
    venue = stress.load_venue("binance", market="BTCUSDT").simplified()
    result = simulate(book, venue, price, fund=math.inf, jump_gap=jump_gap)
    found = concentration.cover(result, (move,), (1, 2, 300)).iloc[0]
    assert found["total"] == pytest.approx(result.paths["deficit"][0], rel=1e-9)
    assert found["total"] > 0
    assert found["cover_1"] < found["cover_2"] < found["cover_300"] == pytest.approx(found["total"])


def test_under_a_delay_a_jump_is_filled_where_it_went():
    path = stress.prices.Paths([[60_000.0, 45_000.0]])
    venue = stress.load_venue("binance", market="BTCUSDT").simplified()
    result = simulate(crowd(300), venue, path, fund=math.inf, gap=None, delay=60.0, jump_gap=0.4)
    assert result.paths["deficit"][0] > 0
    found = concentration.cover(result, (-0.25,)).iloc[0]
    assert found["total"] == pytest.approx(result.paths["deficit"][0], rel=1e-9)


def test_the_largest_accounts():
    table = concentration.top_accounts(drop(by_hand(), 70.0), 2)
    assert table["account"].tolist() == ["c", "b"]
    assert table["notional"].tolist() == [700.0, 400.0]
    assert table["net"].tolist() == [-700.0, 400.0]
    assert table["share"].tolist() == pytest.approx([0.5, 400 / 1400])
    assert table["cumulative"].tolist() == pytest.approx([0.5, 1100 / 1400])
    assert concentration.top_accounts(drop(by_hand(), 70.0), 10)["cumulative"].iloc[-1] == pytest.approx(1.0)


def test_losses_on_a_path_add_to_its_deficit():
    paths = sample().paths.nlargest(3, "deficit")
    table = concentration.worst_paths(sample(), paths.index.tolist(), (1, 600))
    assert table["total"].to_numpy() == pytest.approx(paths["deficit"].to_numpy(), rel=1e-9)
    assert (table["cover_1"] < table["total"]).all()
    assert np.allclose(table["cover_600"], table["total"])


@pytest.mark.parametrize(
    "call",
    [
        lambda r: concentration.cover(r, moves=[-1.0]),
        lambda r: concentration.cover(r, moves="x"),
        lambda r: concentration.cover(r, ks=[0]),
        lambda r: concentration.top_accounts(r, 0),
    ],
)
def test_bad_arguments(call):
    with pytest.raises(stress.InputError, match="expected"):
        call(drop(by_hand(), 70.0))
