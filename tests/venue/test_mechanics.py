"""Rules that are off by default, layers of cash, funding and events: what they take, refuse and say of themselves."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

import stress
from stress.engine.prepare import prepare
from stress.errors import InputError
from stress.venue.mechanics import MECHANICS

pytestmark = pytest.mark.nojit

TIERS = (stress.Tier(0, math.inf, 50, 0.01),)
PLAIN = stress.Venue(name="own", tiers=TIERS)
BOOK = stress.Book([1, -1], [1.0, 1.0], [100.0, 100.0], [10.0, 10.0])
STILL = stress.prices.Paths([[100.0, 100.0, 100.0]])
VAULT = {
    "carrier": "vault",
    "settlement": "bankruptcy",
    "unload_half_life": 60.0,
    "waterfall": ("vault", "fund", "adl"),
}


def columns_of(make) -> list[str]:
    """The fields of the problems of a call, in order."""
    with pytest.raises(InputError) as caught:
        make()
    return [str(problem.column) for problem in caught.value.problems]


def test_off_is_not_described():
    """So no hash and no record of a venue of before changes."""
    assert PLAIN.mechanics == {}
    assert not {rule.name for rule in MECHANICS} & set(PLAIN.describe())
    changed = replace(PLAIN, throughput=2.0, waterfall=["fund", "adl", "socialise"])
    assert changed.mechanics == {"waterfall": ("fund", "adl", "socialise"), "throughput": 2.0}
    assert changed.describe() == PLAIN.describe() | changed.mechanics


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"closeout": "fraction"}, ["fraction"]),
        ({"closeout": "restore", "fraction": 0.5}, ["fraction", "buffer"]),
        ({"tiers_at_once": 2, "cooldown": 5.0}, ["cooldown", "tiers_at_once"]),
        ({"closeout": "tiers", "tiers_at_once": 1.5}, ["tiers_at_once"]),
        ({"carrier": "vault", "unload_half_life": 0.0}, ["settlement", "waterfall"]),
        (VAULT | {"waterfall": ("fund", "vault", "adl")}, ["waterfall"]),
        (VAULT | {"waterfall": ("adl", "vault")}, ["waterfall"]),
        (VAULT | {"unload_half_life": None}, ["unload_half_life"]),
        ({"waterfall": ("socialise", "adl")}, ["waterfall"]),
        ({"waterfall": ("adl", "adl")}, ["waterfall"]),
        ({"waterfall": ()}, ["waterfall"]),
        ({"waterfall": "adl"}, ["waterfall"]),
        ({"waterfall": 5}, ["waterfall"]),
        ({"socialise": "everybody"}, ["socialise"]),
        ({"mark": "ema"}, ["mark_half_life"]),
        ({"mark": "clamp", "mark_half_life": 5.0}, ["mark_half_life", "mark_clamp"]),
        ({"liquidation": "margin_call"}, ["top_up", "call_deadline"]),
        ({"liquidation": "margin_call", "top_up": 0.5, "call_deadline": 60.0, "call_time": 0.0}, ["call_deadline"]),
        (VAULT | {"liquidation": "margin_call", "top_up": 0.5, "call_time": 0.0}, ["carrier"]),
        ({"throughput": 0.0, "call_time": 86_400.0, "fund_in": "euro"}, ["throughput", "call_time", "fund_in"]),
        ({"contract": "inverse", "fund_in": "coin"}, ["fund_in"]),
    ],
)
def test_what_excludes_each_other_is_refused_at_once(given, wrong):
    assert columns_of(lambda: replace(PLAIN, **given)) == wrong


@pytest.mark.parametrize(
    "given",
    [
        VAULT | {"takeover_below": math.inf, "unload_half_life": 0.0},
        {"closeout": "fraction", "fraction": 0.2, "cooldown": 30.0, "partial_above": 1e5},
        {"liquidation": "margin_call", "top_up": 0.0, "call_time": 0.0},
        {"waterfall": ("adl",)},
        {"waterfall": ("adl", "house", "fund", "socialise"), "socialise": "everybody"},
    ],
)
def test_what_belongs_together_is_taken(given):
    assert replace(PLAIN, **given).mechanics.items() <= given.items()


def test_layers_funding_and_events_list_all_their_problems():
    assert columns_of(lambda: stress.Layer("much", -1.0, math.nan)) == ["capital", "floor", "cap"]
    assert columns_of(lambda: stress.Layer(1.0, floor=2.0)) == ["floor"]
    assert columns_of(lambda: stress.Funding("8x", 5)) == ["interval", "rate"]
    assert columns_of(lambda: stress.Funding("8h", [[60, 1e-4], [0, 1e-4]])) == ["rate"]
    wrong = {"outages": [[0, 60], [30, 90]], "stale": [[5, 5]], "bad_ticks": [[1, math.inf]]}
    assert columns_of(lambda: stress.Events(**wrong)) == list(wrong)


def test_what_they_say_of_themselves_makes_them_again():
    layer, funding = stress.Layer("5M", cap="1M"), stress.Funding("8h", [["0s", "0.01 %"], ["1h", -1e-4]])
    events = stress.Events(outages=[["30min", "1h"], [3600, math.inf]], bad_ticks=[[60, 0]])
    assert layer.describe() == {"capital": 5e6, "cap": 1e6}
    assert events.describe() == {"outages": [[1800.0, 3600.0], [3600.0, math.inf]], "bad_ticks": [[60.0, 0.0]]}
    assert funding.describe() == {"interval": 28_800.0, "rate": [[0.0, 1e-4], [3600.0, -1e-4]]}
    for thing in (layer, funding, events, stress.Layer(math.inf), stress.Funding(60, 1e-4), stress.Events()):
        assert type(thing)(**thing.describe()) == thing
    assert not stress.Events()


def design(venue=PLAIN, book=BOOK, **given):
    return prepare(book, venue, STILL, **{"fund": 5.0, "gap": 0.0} | given)


def test_a_design_describes_what_is_on():
    assert design(events=stress.Events(), layers={"fund": stress.Layer()}).describe() == design().describe()
    venue = replace(PLAIN, **VAULT)
    on = design(venue, layers={"vault": stress.Layer(7.0, 1.0)}, funding=stress.Funding(60, 1e-4)).describe()
    assert on["layers"] == {"vault": {"capital": 7.0, "floor": 1.0}}
    assert on["funding"] == {"interval": 60.0, "rate": 1e-4}
    assert set(on) - set(design().describe()) == {"layers", "funding"}


def test_the_cash_layers_stand_in_the_order_of_the_waterfall():
    venue = replace(PLAIN, **VAULT, reserve=2.0)
    found = design(venue, layers={"fund": stress.Layer(cap=3.0), "vault": stress.Layer(7.0)}).cash_layers
    assert list(found.items()) == [("vault", stress.Layer(7.0)), ("fund", stress.Layer(5.0, 2.0, 3.0))]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"layers": {"vault": stress.Layer(1.0)}}, ["layers.vault"]),
        ({"layers": {"fund": stress.Layer(1.0)}}, ["layers.fund.capital"]),
        ({"layers": {"fund": stress.Layer(2.0, 1.0)}}, ["layers.fund.capital", "layers.fund.floor"]),
        ({"venue": replace(PLAIN, waterfall=("vault", "adl")), "layers": {"vault": stress.Layer(floor=1e9)}},
         ["layers.vault.floor"]),
        ({"layers": {"fund": 5.0, "hause": stress.Layer(1.0)}}, ["layers.fund", "layers"]),
        ({"layers": [1]}, ["layers"]),
        ({"venue": replace(PLAIN, waterfall=("fund", "house", "adl"))}, ["layers.house"]),
        ({"venue": replace(PLAIN, waterfall=("vault", "adl")), "layers": {"vault": stress.Layer(1.0)}}, ["fund"]),
        ({"venue": replace(PLAIN, waterfall=("fund", "vault", "adl")), "layers": {"vault": stress.Layer()}},
         ["layers.vault.capital"]),
        ({"funding": 1e-4, "events": [[0, 1]]}, ["funding", "events"]),
        ({"funding": stress.Funding(90, 1e-4), "events": stress.Events(bad_ticks=[[60, 1], [61, 2]])},
         ["events.bad_ticks", "funding.interval"]),
    ],
)  # fmt: skip
def test_what_a_run_refuses(given, wrong):
    assert columns_of(lambda: design(**given)) == wrong


def test_orders_that_the_mark_has_met_are_refused_by_row():
    sides = [1, 1, -1, -1]
    book = stress.Book(
        sides, [1.0] * 4, [100.0] * 4, [10.0] * 4, stop=[99.0, 100.0, 101.0, 90.0],
        take_profit=[101.0, 99.0, 99.0, 100.0],
    )  # fmt: skip
    with pytest.raises(InputError) as caught:
        design(book=book)
    found = [(p.column, p.row, p.value, "2 rows fail: 2, 4" in p.expected) for p in caught.value.problems]
    assert found == [("stop", 2, 100.0, True), ("take_profit", 2, 99.0, True)]
