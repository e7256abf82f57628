"""Tiers by the name of a preset or from a file, with the market behind a colon."""

import pytest

from stress.errors import InputError
from stress.venue.load import load_venue
from stress.venue.tier import Tier
from stress.venue.tier_source import find_tiers

pytestmark = pytest.mark.nojit

ROWS = "symbol,max_notional,mmr,leverage\nBTC/USDT:USDT,90000,1%,50\nETH/USDT:USDT,80000,2%,25\n"
VENUE = '[venue]\nname = "mine"\n[markets.BTCUSDT]\ndeduction = "flat"\ntiers = [[0, 90_000, 50, 0.01]]\n'


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(ROWS)
    (tmp_path / "mine.toml").write_text(VENUE)


@pytest.mark.parametrize(
    ("source", "market", "name", "first"),
    [
        ("a.csv", "BTCUSDT", "a.csv BTC/USDT:USDT", Tier(0, 90_000, 50, 0.01)),
        ("a.csv:ETH", "BTCUSDT", "a.csv ETH/USDT:USDT", Tier(0, 80_000, 25, 0.02)),
        ("a.csv:ETH/USDT:USDT", None, "a.csv ETH/USDT:USDT", Tier(0, 80_000, 25, 0.02)),
        ("mine.toml", "BTC-USDT-SWAP", "mine BTCUSDT", Tier(0, 90_000, 50, 0.01)),
        ("mine.toml", None, "mine BTCUSDT", Tier(0, 90_000, 50, 0.01)),
        ("binance", "BTC", "binance BTCUSDT", load_venue("binance", "BTCUSDT").tiers[0]),
        ("binance:ETHUSDT", "BTC", "binance ETHUSDT", load_venue("binance", "ETHUSDT").tiers[0]),
    ],
)
def test_found(files, source, market, name, first):
    found = find_tiers(source, market)
    assert (found.name, found.tiers[0]) == (name, first)


@pytest.mark.parametrize(
    ("source", "market", "said"),
    [
        ("a.csv", "SOLUSDT", "one of BTC/USDT:USDT, ETH/USDT:USDT"),
        ("a.csv", None, "one of BTC/USDT:USDT, ETH/USDT:USDT"),
        ("binnance", "BTCUSDT", "the nearest is 'binance'"),
        ("binance:XYZ", None, "one of BTCUSDT"),
        ("mine.toml:ETHUSDT", None, "one of BTCUSDT"),
        ("nothing.csv", "BTC", "a file, and there is none here"),
    ],
)
def test_refused(files, source, market, said):
    with pytest.raises(InputError, match=said):
        find_tiers(source, market)
