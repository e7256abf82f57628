"""Words of studies and comparisons: signs of money, small p-values, the layer that is sized."""

import pandas as pd
import pytest

import stress
from stress.cli.stress_tests import moves_in_words
from stress.cli.studies import print_tornado
from stress.errors import InputError
from stress.formatting import money
from stress.results.comparison_words import apart, odds


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_differences_of_coins_have_their_sign_behind_the_coin():
    row = {
        "quantity": "mean deficit",
        "unit": "XBT",
        "base": 1.0,
        "base_bound": False,
        "value_bound": False,
        "value": 0.5,
        "difference": -0.5,
        "low": -0.7,
        "high": 0.1,
        "p_value": float("nan"),
    }
    with money("XBT"):
        assert [plain(text) for text in apart(row)] == ["XBT −0.5", "(XBT −0.7 to +0.1)"]


def test_a_tiny_p_value_is_a_bound():
    assert odds({"p_value": 1e-30, "only_base": 100, "only_design": 0})[-1] == "<0.0001"
    assert odds({"p_value": 0.016, "only_base": 7, "only_design": 0})[-1] == "0.016"


def test_tiers_of_another_contract_are_refused():
    coin, usd_venue = stress.load_venue("bitmex", "XBTUSD"), stress.load_venue("binance", "BTCUSDT")
    traders = stress.PopulationSpec.load("retail", accounts=400, open_interest=1e6)
    book = stress.Book.sample(traders, venue=coin, price=60_000.0, seed=1)
    with pytest.raises(InputError, match="a venue whose contract is inverse"):
        stress.tier_impact(book, coin, usd_venue, 60_000.0)


def test_a_vault_is_called_a_vault(capsys):
    moves = pd.DataFrame([{"cascade": True, "move": float("nan"), "direction": "fall"}])
    assert plain(moves_in_words(moves, 5e6, "vault")).startswith("No jump of the price empties a vault of USD 5 M")
    ends = {f"{name}_{end}": 1.0 for name in ("swing", "fund_at") for end in ("low", "high")}
    row = {"key": "depth.usd", "alpha": 0.01, "base_fund": 1e6, "swing": 1.0, "why": "", "note": "", **ends}
    table = pd.DataFrame([row | {"low_value": 1e6, "high_value": 2e6}])
    table.attrs |= {"paths": 10, "left_out": {}, "held": ()}
    print_tornado(table, "vault")
    assert "Vault for 1 %: USD 1 M" in plain(capsys.readouterr().out)
