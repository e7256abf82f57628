"""What the presets of each venue say beyond what every preset must: the rules by name, and the page made of them."""

import importlib.util
import tomllib
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from stress.venue.file import PRESETS
from stress.venue.load import list_venues, load_venue

pytestmark = [pytest.mark.nojit, pytest.mark.filterwarnings("ignore:venue .* is a skeleton")]
ROOT = Path(__file__).parents[2]


def test_all_nine_are_there():
    names = [info.name for info in list_venues()]
    assert names == ["binance", "bingx", "bitmex", "bybit", "dydx", "hyperliquid", "mexc", "okx", "weex"]
    assert {info.name for info in list_venues() if info.missing} == {"bingx", "weex"}


@pytest.mark.parametrize(
    ("name", "market", "want"),
    [
        (
            "okx",
            "BTCUSDT",
            {"tier_basis": "quantity", "adl_price": "mark", "drawdown": 0.3, "drawdown_window": 28_800.0},
        ),
        ("mexc", "BTC_USDT", {"tier_basis": "quantity", "adl_price": "bankruptcy", "fee_rate": 0.0004}),
        ("bitmex", "XBTUSDT", {"tier_basis": "notional", "score": "pnl_leverage", "residual": "fund"}),
        ("bingx", "ETHUSDT", {"tier_basis": "notional", "settlement": "bankruptcy"}),
        ("weex", "PAXGUSDT", {"score": "pnl_leverage", "adl_price": "bankruptcy"}),
        ("dydx", "BTC-USD", {"score": "random", "fee_rate": 0.015, "residual": "trader"}),
    ],
)
def test_rules(name, market, want):
    venue = load_venue(name, market)
    assert {key: getattr(venue, key) for key in want} == want


def test_okx_margin_jumps_at_a_floor_in_coins():
    venue = load_venue("okx", "BTCUSDT")
    assert venue.maintenance_margin([10 - 1e-9, 10], 100_000.0).tolist() == pytest.approx([4_000, 5_000])
    # tiers of 0.1 ETH and 0.1 AAVE a contract: 5,000 and 1,000 contracts
    assert load_venue("okx", "ETHUSDT").tiers[0].cap == 500
    assert load_venue("okx", "AAVEUSDT").tiers[0].cap == 100


def test_mexc_tiers_are_contracts_times_their_size():
    caps = [tier.cap for tier in load_venue("mexc", "BTC_USDT").tiers]
    contracts = [50_000, 120_000, 320_000, 2_280_000, 15_500_000, 17_000_000]
    assert caps == pytest.approx(np.array(contracts) * 0.0001, rel=1e-12)


@pytest.mark.parametrize(("market", "base", "step"), [("XBTUSDT", 0.005, 1e6), ("HYPEUSDT", 0.01, 4e4)])
def test_bitmex_steps_add_the_base_maintenance_margin_to_both(market, base, step):
    for k, tier in enumerate(load_venue("bitmex", market).tiers):
        assert tier.maintenance_rate == pytest.approx((k + 1) * base)
        assert tier.max_leverage == pytest.approx(1 / (2 * base + k * base), abs=0.005)
        assert (tier.floor, tier.cap) == (k * step, (k + 1) * step)


@pytest.mark.parametrize("market", ["BTCUSDT", "ETHUSDT", "YFIUSDT"])
def test_bingx_says_that_its_rates_are_those_of_binance(market):
    bingx, binance = load_venue("bingx", market), load_venue("binance", market)
    rows, wanted = ([astuple(tier) for tier in venue.tiers] for venue in (bingx, binance))
    assert np.array(rows) == pytest.approx(np.array(wanted), rel=1e-9)
    assert bingx.figures[-1].status == "assumed"
    assert "Binance" in bingx.notes[0]


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.toml")), ids=lambda path: path.stem)
def test_sources_are_used_and_public(path):
    """No source is told in vain; official ones are pages, others say what kind of publication."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    used = {entry["source"] for entry in [*data["rules"].values(), *data["markets"].values(), *data["practice"]]}
    assert used == set(data["sources"])
    for source in data["sources"].values():
        assert source["page"].startswith("https://") == (source["status"] == "official")


def test_the_page_is_the_one_the_script_makes():
    spec = importlib.util.spec_from_file_location("make_venues", ROOT / "docs" / "make_venues.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    page = script.render()
    assert page == (ROOT / "docs" / "venues.md").read_text(encoding="utf-8")
    for info in list_venues():
        assert f"## {info.name}\n" in page
        assert all(f"### {info.name} {market}\n" in page for market in info.markets)
        assert all(text in page for text in info.missing)
