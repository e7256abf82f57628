"""Venues: what is refused and how it is said, margins and liquidation prices, presets with the examples they carry."""

import math
import subprocess
import sys
import warnings
from dataclasses import fields, replace
from math import inf
from pathlib import Path

import numpy as np
import pytest

from stress.kernels.rules import contract
from stress.kernels.rules import margin as kernel
from stress.kernels.rules.records import SCORES, TIER_BASES, Rules
from stress.venue.file import KEYS, PRESETS, STATUSES, VenueFile
from stress.venue.load import list_venues, load_venue
from stress.venue.mechanics import MECHANICS
from stress.venue.published import value_of
from stress.venue.rules import ALL_RULES, BY_NAME, CONTRACT, PARAMETERS, RULES, kernel_numbers
from stress.venue.tier import Tier
from stress.venue.venue import Venue
from tests.support.venues import TIERS, only_problem, problems_of

pytestmark = [pytest.mark.nojit, pytest.mark.filterwarnings("ignore:venue .* is a skeleton")]


def load_quietly(name, market):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_venue(name, market)


MARKETS = [(info.name, market) for info in list_venues() for market in info.markets]


# What is refused


@pytest.mark.parametrize(
    ("given", "column", "said"),
    [
        ({"name": ""}, "name", "a name"),
        ({"fee_rate": 1.0}, "fee_rate", "a fraction in [0, 1)"),
        ({"fee_rate": -0.1}, "fee_rate", "a fraction in [0, 1)"),
        ({"fee_rate": math.nan}, "fee_rate", "a fraction in [0, 1)"),
        ({"fee_rate": True}, "fee_rate", "a fraction in [0, 1)"),
        ({"fee_rate": "1 %"}, "fee_rate", "a fraction in [0, 1)"),
        ({"reserve": -1.0}, "reserve", "0 or more"),
        ({"reserve": inf}, "reserve", "0 or more"),
        ({"drawdown": 0.0}, "drawdown", "a fraction in (0, 1)"),
        ({"drawdown": 1.0}, "drawdown", "a fraction in (0, 1)"),
        ({"drawdown": 0.3, "drawdown_window": 0.0}, "drawdown_window", "above 0"),
        ({"drawdown": 0.3, "drawdown_window": "8 hours"}, "drawdown_window", "above 0"),
        ({"drawdown_window": 60.0}, "drawdown_window", "none where drawdown is not given"),
        ({"score": "pnl_levrage"}, "score", "the nearest is 'pnl_leverage'"),
        ({"policy": "prorata"}, "policy", "the nearest is 'pro_rata'"),
        ({"settlement": "Profit"}, "settlement", "the nearest is 'profit'"),
        ({"adl_price": "previous mark"}, "adl_price", "the nearest is 'previous_mark'"),
        ({"residual": "funds"}, "residual", "the nearest is 'fund'"),
        ({"tier_basis": "entry-notional"}, "tier_basis", "the nearest is 'entry_notional'"),
        ({"contract": "quanto"}, "contract", "one of linear"),
        ({"score": None}, "score", "one of pnl_leverage"),
        ({"tiers": ()}, "tiers", "at least one tier"),
        ({"tiers": (TIERS[0], (1, 2))}, "tier 2", "a Tier"),
        ({"tiers": (Tier(5, inf, 50, 0.01),)}, "tier 1 floor", "0, the start of the first tier"),
        ({"tiers": (TIERS[0], Tier(250_000, inf, 20, 0.02))}, "tier 2 floor", "100000, the cap of tier 1"),
        ({"tiers": (TIERS[0], Tier(50_000, inf, 20, 0.02))}, "tier 2 floor", "100000, the cap of tier 1"),
        ({"tiers": (Tier(0, 0, 50, 0.01),)}, "tier 1 cap", "more than the floor"),
        ({"tiers": (Tier(0, inf, 50, 1.0),)}, "tier 1 maintenance_rate", "a fraction in [0, 1)"),
        ({"tiers": (Tier(0, inf, 50, -0.01),)}, "tier 1 maintenance_rate", "a fraction in [0, 1)"),
        ({"tiers": (Tier(0, inf, 0, 0.01),)}, "tier 1 max_leverage", "above 0"),
        ({"tiers": (Tier(0, inf, 50, 0.02),)}, "tier 1 max_leverage", "less than 1/maintenance_rate, 50"),
        ({"tiers": (Tier(0, inf, 50, 0.01, 1.0),)}, "tier 1 deduction", "between 0 and rate * floor, 0"),
        ({"tiers": (TIERS[0], Tier(100_000, inf, 20, 0.02, 2_001))}, "tier 2 deduction", "rate * floor, 2000"),
        ({"tiers": (TIERS[0], Tier(100_000, inf, 20, 0.02, -1))}, "tier 2 deduction", "between 0"),
        ({"tiers": (Tier(0, inf, "50x", 0.01),)}, "tier 1 max_leverage", "a number"),
        ({"tiers": (Tier(0, inf, 50, math.nan),)}, "tier 1 maintenance_rate", "a number"),
        ({"tier_basis": "quantity"}, "tier 2 deduction", "0 with tier_basis"),
    ],
)
def test_refused(given, column, said):
    got_column, text = only_problem(lambda: Venue(**{"name": "x", "tiers": TIERS} | given))
    assert got_column == column
    assert said in text


def test_all_problems_at_once():
    tiers = [Tier(1, 10, 100, 0.02), Tier(20, 15, -1, 2.0)]
    found = problems_of(lambda: Venue("x", tiers, fee_rate=2, score="luck", drawdown=-1, settlement="bankrupcy"))
    assert [column for column, _ in found] == [
        *("fee_rate", "score", "settlement", "drawdown", "tier 1 floor", "tier 1 max_leverage", "tier 2 floor"),
        *("tier 2 cap", "tier 2 maintenance_rate", "tier 2 max_leverage"),
    ]


def test_the_edges_that_are_allowed():
    venue = Venue("x", [Tier(0, inf, 1, 0.0)], fee_rate=0, reserve=0, drawdown=0.999, drawdown_window=inf)
    assert isinstance(venue.tiers, tuple)
    assert hash(venue) == hash(replace(venue))
    assert Venue("x", [Tier(0, 5, 1, 0.0)]).position_limit == 5.0
    assert Venue("x", [Tier(0, 5, 1, 0.0), Tier(5, inf, 1, 0.0)]).position_limit == inf


# Across the border


def test_kernel_types_are_exact():
    """An int in a float field would compile everything a second time."""
    rules, tiers = Venue("x", [Tier(0, 100, 50, 0), Tier(100, inf, 20, 0)], fee_rate=0, reserve=0).to_kernel()
    integers = {"residual_to_fund", "policy", "score", "settlement", "adl_price"}
    assert {name: type(value) for name, value in rules._asdict().items()} == {
        name: int if name in integers else float for name in rules._fields
    }
    assert all(a.dtype == np.float64 and a.flags.c_contiguous for a in tiers[:3])
    assert type(tiers.basis) is int


def test_kernel_values():
    rules, tiers = load_venue("bybit", "BTCUSDT").to_kernel()
    assert (rules.drawdown, rules.drawdown_window) == (0.3, 8 * 3600.0)
    assert (rules.residual_to_fund, rules.settlement) == (1, 1)
    assert TIER_BASES[tiers.basis] == "entry_notional"
    assert tiers.floor[1] == 2e6
    assert tiers.rate[1] == 0.01
    assert tiers.deduction[1] == 10_000
    rules, _ = load_venue("hyperliquid", "ETH").to_kernel()
    assert SCORES[rules.score] == "hyperliquid"
    assert math.isnan(rules.drawdown)
    assert rules.drawdown_window == inf
    assert rules.residual_to_fund == 0


# Margins


def test_margins_by_basis():
    flat = (Tier(0, 1_000, 50, 0.01), Tier(1_000, 5_000, 20, 0.02))
    marked = Venue("x", flat)
    assert marked.maintenance_margin([10, 10, 10], [99, 100, 900]).tolist() == pytest.approx([9.9, 20, 180])
    assert marked.initial_margin(10, 100) == pytest.approx(50)
    assert marked.max_leverage([999, 1_000, 9_000]).tolist() == [50, 20, 20]
    entry = Venue("x", flat, tier_basis="entry_notional")
    assert entry.maintenance_margin(10, 200, 50) == pytest.approx(5)
    assert entry.maintenance_margin(10, 200) == pytest.approx(40)
    coins = Venue("x", flat, tier_basis="quantity")
    assert coins.maintenance_margin([999, 1_000], 2.0).tolist() == pytest.approx([19.98, 40])
    assert coins.max_leverage([999, 2_000], 1.0).tolist() == [50, 20]
    assert only_problem(lambda: coins.max_leverage(5.0))[0] == "price"


@pytest.mark.parametrize("basis", TIER_BASES)
def test_margins_are_those_of_the_kernel(basis):
    rng = np.random.default_rng(2)
    venue = random_flat_venue(rng, basis)
    assert len(venue.tiers) > 2
    _, tiers = venue.to_kernel()
    q, e, p = rng.lognormal(3, 2, 50), rng.uniform(50, 150, 50), rng.uniform(50, 150, 50)
    at_floors = tiers.floor[1:]
    q, e, p = np.append(q, at_floors), np.append(e, at_floors**0), np.append(p, at_floors**0)
    want = [kernel.maintenance_margin(tiers, *row) for row in zip(q, e, p, strict=True)]
    assert venue.maintenance_margin(q, p, e) == pytest.approx(want, rel=1e-15)
    assert (venue.initial_margin(q, p, e) > venue.maintenance_margin(q, p, e)).all()
    want = [contract.bankruptcy_price(contract.Linear(), -1.0, *row, 7.0) for row in zip(q, e, strict=True)]
    assert venue.bankruptcy_price(-1, q, e, 7.0) == pytest.approx(want, rel=1e-15)


def test_unpaid_by_reserve_and_drawdown():
    venue = Venue("x", TIERS, reserve=100.0)
    assert venue.unpaid([50, 250, 350], 300.0).tolist() == [0, 50, 150]
    assert venue.unpaid(50, 20.0) == 50
    falling = replace(venue, drawdown=0.3)
    assert falling.unpaid(350.0, 1_000.0) == pytest.approx(50)
    assert falling.unpaid(350.0, 800.0, peak=1_000.0) == pytest.approx(250)
    assert falling.unpaid(350.0, 120.0, peak=100.0) == pytest.approx(330)


# Liquidation prices


def random_flat_venue(rng, basis):
    """Up to five tiers without deductions, rates in any order, so that the margin jumps up and down."""
    count = rng.integers(1, 6)
    floors = np.concatenate([[0.0], np.sort(rng.lognormal(7.6 if basis != "quantity" else 3, 0.4, count - 1))])
    caps = [*floors[1:], inf]
    rates = rng.choice([0.01, 0.1, 0.3, 0.5], count) * rng.uniform(0.5, 1.0, count)
    tiers = [Tier(f, c, 0.9 / r, r) for f, c, r in zip(floors, caps, rates, strict=True)]
    return Venue("random", tiers, tier_basis=basis)


def is_triggered(venue, s, q, e, m, prices):
    """E <= MM at each price, tier by tier, as in section 2 of the model."""
    prices = np.asarray(prices, dtype=float)
    out = np.zeros(prices.shape, dtype=bool)
    notional = q * (np.full_like(prices, e) if venue.tier_basis == "entry_notional" else prices)
    amount = np.full_like(prices, q) if venue.tier_basis == "quantity" else notional
    for tier in venue.tiers:
        inside = (tier.floor <= amount) & (amount < tier.cap)
        maintenance = tier.maintenance_rate * notional - tier.deduction
        out |= inside & (m + s * q * (prices - e) <= maintenance)
    return out


@pytest.mark.parametrize("basis", TIER_BASES)
@pytest.mark.parametrize("side", [1, -1])
def test_liquidation_price_is_the_first_adverse_price(basis, side):
    rng = np.random.default_rng([7, side + 1, TIER_BASES.index(basis)])
    price, seen = 100.0, {"inner": 0, "jump": 0, "never": 0}
    while sum(seen.values()) < 300:
        venue = random_flat_venue(rng, basis)
        q, e = rng.lognormal(3, 0.4), price * rng.lognormal(0, 0.05)
        m = q * price * rng.uniform(0.01, 1.2)
        if is_triggered(venue, side, q, e, m, [price])[0]:
            continue
        level = venue.liquidation_price(side, q, e, m, price)
        end = min(max(level, 1e-6), 1e6)
        between = np.geomspace(price, end * (1 + side * 1e-9), 1_000)
        assert not is_triggered(venue, side, q, e, m, between).any()
        if math.isinf(level):
            assert level == -side * inf
            seen["never"] += 1
            continue
        assert is_triggered(venue, side, q, e, m, [level * (1 - side * 1e-9)])[0]
        at_border = any(math.isclose(q * level, tier.floor, rel_tol=1e-9) for tier in venue.tiers)
        seen["jump" if at_border and basis == "notional" else "inner"] += 1
    assert seen["inner"] > 50
    assert seen["never"] > 5 or side < 0
    assert seen["jump"] > 5 or basis != "notional"


@pytest.mark.parametrize(("name", "market"), [pair for pair in MARKETS if load_quietly(*pair).contract == "linear"])
def test_liquidation_price_is_where_equity_meets_the_margin(name, market):
    """Inside a tier the equality holds at the price itself; a flat rate can also be met where it jumps."""
    venue, rng = load_venue(name, market), np.random.default_rng(3)
    n = 200
    side, price = rng.choice([-1.0, 1.0], n), 100.0
    notional = rng.lognormal(12, 3, n)
    quantity, margin = notional / price, notional / venue.max_leverage(notional, price) * rng.uniform(1.0, 1.3, n)
    level = venue.liquidation_price(side, quantity, price, margin, price)
    some = np.isfinite(level)
    assert some.sum() > n / 2
    side, quantity, margin, level = side[some], quantity[some], margin[some], level[some]
    equity = margin + side * quantity * (level - price)
    excess = equity - venue.maintenance_margin(quantity, level, price)
    inside = np.abs(excess / (quantity * price)) < 1e-11
    floors = np.array([tier.floor for tier in venue.tiers])
    jumps = np.isclose((quantity * level)[:, None], floors, rtol=1e-9).any(axis=1) & (excess < 0)
    flat = len(venue.tiers) > 1 and venue.tiers[-1].deduction == 0
    assert (inside | (flat & jumps)).all()
    assert inside.mean() > 0.9
    assert (side * (level - venue.bankruptcy_price(side, quantity, price, margin))).min() > 0


def test_liquidation_price_of_a_position_past_it():
    venue = Venue("x", TIERS)
    assert venue.liquidation_price(1, 1.0, 100.0, 10.0, 80.0) == pytest.approx(90 / 0.99, rel=1e-11)
    assert venue.liquidation_price([1, -1], 1.0, 100.0, 10.0, 100.0) == pytest.approx([90 / 0.99, 110 / 1.01])


# Presets


def test_presets():
    assert {info.name for info in list_venues()} >= {"binance", "bybit", "hyperliquid"}
    for info in list_venues():
        assert info.markets
        assert info.contract == ("linear, inverse" if info.name == "bitmex" else "linear")
        assert info.title
        assert info.date >= "2025-06"
        assert "official" in info.status
        assert "user" not in info.status


@pytest.mark.parametrize(("name", "market"), MARKETS)
def test_every_figure_has_its_source(name, market):
    venue = load_venue(name, market)
    assert (venue.name, venue.market) == (name, market)
    assert venue.title
    assert venue.notes
    names = [figure.name for figure in venue.figures]
    optional = {"reserve", "drawdown", "drawdown_window"}
    assert set(names) >= {*KEYS["rules"], "tiers"} - optional - {rule.name for rule in (*PARAMETERS, *MECHANICS)}
    assert all(name in names for name in optional if getattr(venue, name) not in (None, 0.0))
    for figure in venue.figures:
        assert figure.status in STATUSES[:3]
        assert figure.date[:2] == "20"
        assert ("://" in figure.source) == (figure.status == "official")
        if figure.name != "tiers":
            assert getattr(venue, figure.name) == figure.value


@pytest.mark.parametrize(("name", "market"), MARKETS)
def test_preset_tiers_are_continuous_or_declared_flat(name, market):
    venue = load_venue(name, market)
    flat = VenueFile(PRESETS / f"{name}.toml").markets[market].get("deduction") == "flat"
    for below, tier in zip(venue.tiers, venue.tiers[1:], strict=False):
        left = below.maintenance_rate * tier.floor - below.deduction
        right = tier.maintenance_rate * tier.floor - (0 if flat else tier.deduction)
        assert (tier.deduction == 0) if flat else (right == pytest.approx(left, rel=1e-9))
        assert tier.max_leverage < below.max_leverage
        assert tier.maintenance_rate > below.maintenance_rate


@pytest.mark.parametrize("name", [info.name for info in list_venues()])
def test_preset_reproduces_its_published_example_or_is_a_skeleton(name):
    file = VenueFile(PRESETS / f"{name}.toml")
    example = file.example
    assert bool(example) != bool(file.missing)
    if file.missing:
        with pytest.warns(UserWarning, match=f"venue {name} is a skeleton; missing: ") as caught:
            venue = load_venue(name, next(iter(file.markets)))
        assert all(text in str(caught[0].message) for text in file.missing)
        assert venue.notes[: len(file.missing)] == tuple(f"Missing: {text}" for text in file.missing)
        return
    for one in file.examples:
        assert one["what"]
        assert one["source"]
        assert value_of(name, one) == pytest.approx(one["expected"], abs=one["tolerance"], rel=0)


# The registry of rules


def test_the_fields_of_a_venue_are_the_rules():
    """The class writes them out for editors: names, order, defaults and sentences are those of the registry."""
    names = [f.name for f in fields(Venue)]
    assert names[names.index("fee_rate") : names.index("figures")] == list(BY_NAME)
    assert {f.name: f.default for f in fields(Venue) if f.name in BY_NAME} == {
        rule.name: rule.default for rule in BY_NAME.values()
    }
    given = " ".join(Venue.__doc__.split())
    for rule in BY_NAME.values():
        words = "{" + ", ".join(f'"{word}"' for word in rule.words) + "}"
        numbers = ["float or None"] if rule.optional else ["float", "int"]
        types = {"word": ["str", words], "list": ["sequence of str"]}.get(rule.kind, numbers)
        assert any(f" {rule.name} : {kind} {rule.sentence} " in given for kind in types), rule.name
    assert KEYS["rules"] == tuple(rule.name for rule in ALL_RULES) == tuple(rule.name for rule in (*RULES, *MECHANICS))


@pytest.mark.parametrize("rule", BY_NAME.values(), ids=lambda rule: rule.name)
def test_a_rule_is_whole(rule):
    assert rule.allows(rule.default)
    assert rule.label
    assert rule.sentence.endswith(".")
    assert (rule.kind in ("word", "list")) == bool(rule.words)
    assert (rule.kind in ("word", "list")) == (rule.check is None)
    assert rule.kind != "duration" or rule.unit == "seconds"
    if rule is not CONTRACT and rule.kind != "list":
        assert set(rule.codes) == set(rule.words)
        assert isinstance(rule.number(rule.default), int if rule.words else float)
    if rule.within is not None:
        other, words = rule.within
        assert set(words) <= set(BY_NAME[other].words)
        if other != "waterfall":  # ADL is in the usual one: what is said of it has a value that is off
            assert not rule.means_anything(lambda name: BY_NAME[name].default)


def test_every_rule_has_one_field_in_compiled_code():
    numbers = kernel_numbers(lambda name: BY_NAME[name].default)
    assert set(numbers) == {*Rules._fields, "basis"}


def test_listing_compiles_nothing():
    code = (
        "import sys; from stress.venue.load import list_venues, load_venue; list_venues();"
        "load_venue('binance', 'BTCUSDT');"
        "print(*{'numba', 'pandas', 'matplotlib', 'scipy', 'pydantic'} & set(sys.modules))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("", "", 0)
