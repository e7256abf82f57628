"""The rules that a venue adds to part I: what is closed first, the simple variant, and what its file says of them."""

import numpy as np
import pytest

import stress
from stress import serialize
from stress.kernels.mechanics.closeout import quantity_to_cut
from stress.kernels.rules import records
from stress.venue.file import PRESETS, VenueFile
from stress.venue.mechanics import MECHANICS
from tests.support.tiny import TINY

pytestmark = [pytest.mark.nojit, pytest.mark.filterwarnings("ignore:venue .* is a skeleton")]

NAMES = [info.name for info in stress.list_venues()]
TIERS = [
    stress.Tier(0, 100, 50, 0.01),
    stress.Tier(100, 300, 20, 0.02, 1.0),
    stress.Tier(300, 600, 10, 0.05, 10.0),
    stress.Tier(600, np.inf, 5, 0.1, 40.0),
]
CLOSEOUTS = [
    {},
    {"closeout": "fraction", "fraction": 0.2, "partial_above": 250.0},
    {"closeout": "tiers"},
    {"closeout": "tiers", "tiers_at_once": 2},
    {"closeout": "restore", "buffer": 0.05},
]


to_cut = getattr(quantity_to_cut, "py_func", quantity_to_cut)  # of the engine, not compiled


class Numbers:
    """The rules of a closeout as compiled code has them."""

    def __init__(self, venue):
        self.closeout = records.CLOSEOUTS.index(venue.closeout)
        for name in ("fraction", "partial_above", "tiers_at_once", "buffer"):
            setattr(self, name, getattr(venue, name))


@pytest.mark.parametrize("basis", ["notional", "entry_notional", "quantity"])
@pytest.mark.parametrize("rules", CLOSEOUTS, ids=lambda rules: "-".join(map(str, rules.values())) or "whole")
def test_the_cut_is_that_of_a_run(rules, basis):
    tiers = (
        [stress.Tier(t.floor, t.cap, t.max_leverage, t.maintenance_rate) for t in TIERS]
        if basis == "quantity"
        else TIERS
    )
    venue = stress.Venue("x", tiers, tier_basis=basis, **rules)
    rng = np.random.default_rng(2)
    n = 300
    side, price = rng.choice([-1.0, 1.0], n), rng.uniform(0.8, 1.2, n)
    quantity, entry = rng.lognormal(5.0, 1.0, n), price * rng.uniform(0.9, 1.1, n)
    equity = venue.maintenance_margin(quantity, price, entry) * rng.uniform(-0.2, 1.0, n)
    margin = equity - side * quantity * (price - entry)
    found = venue.liquidation_cut(side, quantity, entry, margin, price)
    record = venue.to_kernel()[1]
    for row in zip(found, side, quantity, entry, margin, price, strict=True):
        cut, s, q, e, m, p = map(float, row)
        assert cut == pytest.approx(to_cut(q, e, p, m + s * q * (p - e), 0, 0, record, Numbers(venue)), rel=1e-12)
        assert 0 < cut <= q
    assert (found == quantity)[equity <= 0].all()
    assert (found < quantity).any() == bool(rules)


def test_a_cut_restores_the_margin_or_reaches_the_lower_tier():
    restore = stress.Venue("x", TIERS, closeout="restore", buffer=0.25)
    cut = restore.liquidation_cut(1, 400.0, 1.0, 10.0, 1.0)  # equity 10 of 10 in the third tier
    assert 1.25 * (0.05 * (400 - cut) - 10) == pytest.approx(10.0)
    # late orders find positions that comply again: what needs hardly anything is closed whole, not cut without end
    assert restore.liquidation_cut(1, 400.0, 1.0, 12.49, 1.0) == 400.0
    assert restore.liquidation_cut(1, 400.0, 1.0, 13.0, 1.0) == 400.0
    lower = stress.Venue("x", TIERS, closeout="tiers")
    assert 400 - lower.liquidation_cut(1, 400.0, 1.0, 10.0, 1.0) == pytest.approx(300)
    assert lower.liquidation_cut([1, -1], [50.0, 700.0], 1.0, 10.0, 1.0) == pytest.approx([50, 100])


def test_an_inverse_position_is_cut_by_its_worth_in_coin():
    venue = stress.load_venue("bitmex", "XBTUSD")
    assert (venue.contract, venue.money) == ("inverse", "XBT")
    cut = venue.liquidation_cut(-1, 2_300_000.0, 10_000.0, 3.0, 10_000.0)  # 230 XBT, with a limit of 200 below
    assert cut == pytest.approx(300_000.0)
    assert stress.load_venue("bitmex", "XBTUSDT").contract == "linear"


@pytest.mark.parametrize("name", NAMES)
def test_the_simple_variant_is_part_one(name):
    market = next(iter(VenueFile(PRESETS / f"{name}.toml").markets))
    venue = stress.load_venue(name, market)
    simple = venue.simplified()
    assert simple.mechanics == {}
    assert {f.name for f in simple.figures} == {f.name for f in venue.figures} - {rule.name for rule in MECHANICS}
    assert (simple.tiers, simple.score, simple.drawdown) == (venue.tiers, venue.score, venue.drawdown)
    assert simple.simplified() == simple
    assert (simple == venue) == (venue.mechanics == {}) == (name in ("bingx", "weex"))
    assert simple.notes[0].startswith("Simple rules: ") == bool(venue.mechanics)


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_that_is_on_is_told_of_and_assumptions_say_so(name):
    file = VenueFile(PRESETS / f"{name}.toml")
    told = {rule: one.status for one in file.practice for rule in one.rules}
    figures = {figure.name: figure for figure in file.rules}
    added = {rule.name for rule in MECHANICS} & set(figures)
    assert added <= set(told)
    assumed = {rule for rule in added if figures[rule].status == "assumed"}
    assert all(told[rule] == "assumed" for rule in assumed)
    venue = stress.load_venue(name, next(iter(file.markets)))
    missing = [f"{one.venue} {one.model}" for one in file.practice if one.status == "missing"]
    assert list(venue.notes[len(venue.notes) - len(missing) :]) == missing
    if venue.unload_half_life is not None:
        assert "plausible" in figures["unload_half_life"].source


def test_what_venues_do_beyond_part_one():
    of = {name: stress.load_venue(name, next(iter(VenueFile(PRESETS / f"{name}.toml").markets))) for name in NAMES}
    assert of["hyperliquid"].waterfall == ("vault", "adl")
    assert (of["hyperliquid"].fraction, of["hyperliquid"].partial_above, of["hyperliquid"].cooldown) == (0.2, 1e5, 30)
    assert of["hyperliquid"].takeover_below == pytest.approx(2 / 3)
    assert (of["binance"].carrier, of["binance"].takeover_below, of["binance"].adl_price) == ("fund", 0, "bankruptcy")
    assert [of[name].tiers_at_once for name in ("bybit", "bitmex", "mexc", "okx")] == [1, 1, 1, 2]
    assert {of[name].closeout for name in ("bybit", "bitmex", "mexc", "okx")} == {"tiers"}
    assert [(of[name].drawdown, of[name].drawdown_window) for name in ("bybit", "okx")] == [(0.3, 28_800)] * 2
    assert of["dydx"].throughput == 50


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY.replace('rules = "simple"\n', ""))
    return path


def test_a_scenario_takes_the_simple_rules(tiny, tmp_path):
    own, simple = stress.load_scenario(tiny), stress.load_scenario(tiny, ["venue.rules=simple"])
    assert own.venue_object == stress.load_venue("binance", "BTCUSDT")
    assert simple.venue_object == own.venue_object.simplified()
    assert own.resolved()["venue"]["closeout"] == "restore"
    assert "closeout" not in simple.resolved()["venue"]
    assert simple.hash != own.hash
    for scenario in (own, simple, stress.load_scenario(tiny, ["venue.closeout=whole"])):
        path = tmp_path / "again.toml"
        path.write_text(serialize.to_toml(scenario.resolved()))
        again = stress.load_scenario(path)
        assert (again.venue_object.mechanics, again.hash) == (scenario.venue_object.mechanics, scenario.hash)


def test_however_the_rules_are_taken_off_the_run_is_the_same(tiny):
    off = stress.load_scenario(tiny, ["venue.closeout=whole", "venue.carrier=market"])
    assert off.hash == stress.load_scenario(tiny, ["venue.rules=simple"]).hash
    assert off.venue_object.mechanics == {}


def test_rules_are_own_or_simple(tiny):
    with pytest.raises(stress.InputError, match=r"venue\.rules"):
        stress.load_scenario(tiny, ["venue.rules=plain"])
