"""Old tiers against new ones on a book that can be checked by hand."""

from math import inf

import numpy as np
import pytest

import stress
from stress.analysis.tier_impact import tier_impact, with_tiers
from stress.errors import InputError
from stress.venue.load import load_venue
from stress.venue.tier import Tier
from stress.venue.venue import Venue

pytestmark = pytest.mark.nojit

OLD = Venue(name="old", market="X", tiers=(Tier(0, 1_000, 100, 0.005), Tier(1_000, inf, 50, 0.01, 5)))
NEW = with_tiers(OLD, (Tier(0, 1_000, 50, 0.01), Tier(1_000, 4_000, 20, 0.03, 20)), "notional")


@pytest.fixture
def impact():
    """At 100: a safe one, one between both margins, one that is liquidated already, and one that is too large."""
    book = stress.Book(
        side=[1, -1, 1, -1],
        quantity=[5, 20, 10, 50],
        entry_price=[100, 100, 110, 100],
        margin=[50, 36, 108, 1_000],
        leverage=[10, np.nan, 12, np.nan],
        account=["safe", "between", "gone", "large"],
        file_row=[2, 3, 4, 5],
    )
    return tier_impact(book, OLD, NEW, 100.0)


def test_margins_of_each_position(impact):
    rows = impact.positions.set_index("account")
    assert rows["notional"].tolist() == [500, 2_000, 1_000, 5_000]
    assert rows["equity"].tolist() == [50, 36, 8, 1_000]
    assert rows["maintenance_old"].tolist() == pytest.approx([2.5, 15, 5, 45])
    assert rows["maintenance_new"].tolist() == pytest.approx([5, 40, 10, 130])
    assert rows["initial_new"].tolist() == pytest.approx([10, 100, 50, 250])
    assert rows["leverage"].tolist() == pytest.approx([10, 2_000 / 36, 12, 5])
    assert impact.margins()["change"].tolist() == pytest.approx([185 - 67.5, 410 - 165])
    assert impact.margins()["positions_up"].tolist() == [4, 4]
    assert impact.quantiles()[1.0] == pytest.approx(85 / 5_000)


def test_who_is_concerned(impact):
    table = impact.table().set_index("measure")
    assert table.loc["at or below maintenance margin", ["old", "new", "newly"]].tolist() == [0, 2, 2]
    assert table.loc["leverage above the limit", ["old", "new", "newly"]].tolist() == [1, 1, 0]
    assert table.loc["larger than the position limit", ["new", "new_notional"]].tolist() == [1, 5_000]
    found = impact.liquidated_at_once
    assert found["account"].tolist() == ["between", "gone"]
    assert found["shortfall"].tolist() == pytest.approx([4, 2])
    assert found["deficit"].tolist() == [0, 0]


def test_by_leverage(impact):
    table = impact.by_leverage().set_index("lower")
    assert table["positions"].to_dict() == {5.0: 1, 10.0: 2, 50.0: 1}
    assert table["liquidated"].to_dict() == {5.0: 0, 10.0: 1, 50.0: 1}
    assert table["notional"].sum() == 8_500


def test_the_same_tiers_change_nothing(impact):
    book = stress.Book([1, -1], [1, 1], [100, 100], [10, 10])
    same = stress.tier_impact(book, OLD, OLD, 100.0)
    assert same.liquidated_at_once.empty
    assert same.margins()[["change", "positions_up", "positions_down"]].to_numpy().tolist() == [[0, 0, 0]] * 2
    assert (same.table()["newly"] == 0).all()


def test_where_all_margin_is_withdrawn_the_leverage_is_that_of_the_equity():
    book = stress.Book([1, 1, -1], [1, 1, 2], [50, 60, 100], [0, -38.5, 20])  # equities 50, 1.5 and 20 at 100
    found = tier_impact(book, OLD, NEW, 100.0)
    assert found.positions["leverage"].tolist() == pytest.approx([2, 100 / 1.5, 10])
    assert found.positions["levered_new"].tolist() == [False, True, False]
    table = found.by_leverage()
    assert table["positions"].sum() == 3
    assert table.set_index("lower")["levered"].to_dict() == {2: 0, 10: 0, 50: 1}


def test_limits_of_a_venue_that_counts_the_notional_at_entry():
    """Entered at 10,000 for 10,000: of the first tier at entry, whatever the mark is now."""
    tiers = (Tier(0, 15_000, 100, 0.005), Tier(15_000, 18_000, 10, 0.05, 675))
    venue = Venue(name="x", tiers=tiers, tier_basis="entry_notional")
    book = stress.Book([1, -1], [1, 1], [10_000, 10_000], [500, 11_500])
    rows = tier_impact(book, venue, venue, 20_000.0).positions
    assert rows["max_leverage_new"].tolist() == [100, 100]
    assert rows["initial_new"].tolist() == venue.initial_margin(book.quantity, 20_000, book.entry_price).tolist()
    assert not rows["levered_new"].any()
    assert not rows["large_new"].any()


def test_a_deficit_at_once():
    book = stress.Book([1, -1], [1, 1], [100, 100], [5, 10])
    free = with_tiers(OLD, (Tier(0, inf, 10, 0.0),), "notional")
    found = tier_impact(book, free, NEW, 90.0)
    assert found.liquidated_at_once.empty  # at or below 0 by the old tiers too
    assert found.positions["equity"].tolist() == [-5, 20]


def test_tiers_in_coins_and_a_margin_that_is_fixed_at_entry():
    bybit = load_venue("bybit", "BTCUSDT")
    assert bybit.tier_basis == "entry_notional"
    assert with_tiers(bybit, NEW.tiers, "notional").tier_basis == "entry_notional"
    coins = with_tiers(bybit, (Tier(0, 5, 50, 0.01), Tier(5, 10, 25, 0.02)), "quantity")
    assert (coins.tier_basis, coins.fee_rate) == ("quantity", bybit.fee_rate)
    assert "tiers" not in [figure.name for figure in coins.figures]
    book = stress.Book([1, -1], [20, 20], [100, 100], [1_000, 1_000])
    rows = tier_impact(book, OLD, coins, 100.0).positions
    assert rows["maintenance_new"].tolist() == [40, 40]
    assert rows["large_new"].tolist() == [True, True]


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"book": 1}, "a stress.Book"), ({"new": "binance"}, "a stress.Venue"), ({"price": -1.0}, "a price above 0")],
)
def test_refused(changed, said):
    given = {"book": stress.Book([1, -1], [1, 1], [100, 100], [10, 10]), "old": OLD, "new": NEW, "price": 100.0}
    with pytest.raises(InputError, match=said):
        tier_impact(**given | changed)
