"""Rates of cuts, take-overs, orders and calls by class: exact against the logs, with errors that are none too small."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stress import simulation
from stress.results import rule_rates
from stress.results.ratios import ratio
from stress.scenario.scenario import Scenario
from tests.support.tiny import TINY

PATHS = 60
EVENT = {"partial": "cut", "takeover": "takeover", "stop": "stop", "take_profit": "take_profit", "call": "call"}
BORDERS = (5.0, 10.0, 20.0)
CARRIED = {
    "closeout": "fraction", "fraction": 0.2, "cooldown": "120s", "carrier": "vault", "settlement": "bankruptcy",
    "takeover_below": 0.6, "unload_half_life": "10min", "waterfall": ["vault", "fund", "adl"],
}  # fmt: skip
CALLED = {"liquidation": "margin_call", "call_deadline": "5min", "top_up": 0.6}
RULES = {"carried": CARRIED, "called": CALLED | {"waterfall": ["fund", "adl"]}}
ORDERS = {"stop_share": 0.4, "stop_distance": 0.03, "take_profit_share": 0.3, "take_profit_distance": 0.05}


@pytest.fixture(scope="module", params=RULES)
def result(request):
    """A run with rules that count positions, and with ADL that moves liquidation prices."""
    tables = tomllib.loads(TINY)
    tables["run"] |= {"paths": PATHS, "horizon": "30min"}
    tables["venue"] |= {"rules": "simple"} | RULES[request.param]
    tables["population"] |= ORDERS
    tables["prices"] |= {"intensity": 90_000.0, "eta_down": 12.0}
    tables["fund"] |= {"initial": 1e3}
    tables |= {"layers": {"vault": {"capital": 1e3}}} if request.param == "carried" else {}
    return simulation.run(Scenario.parse(tables, "rules", Path()), threads=1).result


def hits_by_class(result, name: str, sides=("long", "short")) -> pd.DataFrame:
    """Positions of each bucket that a rule hit on each path, by the logs."""
    bucket = np.searchsorted(BORDERS, result.positions["effective_leverage"], side="right")
    chosen = result.positions["side"].isin(sides).to_numpy()
    rows = []
    for path in range(result.n_paths):
        log = result.replay_path(path)
        hit = log.loc[log["event"] == EVENT[name], "position"].unique()
        rows.append(np.bincount(bucket[hit[chosen[hit]]], minlength=len(BORDERS) + 1))
    return pd.DataFrame(rows)


def test_rates_are_those_of_the_logs_and_no_error_is_too_small(result):
    names = rule_rates.known(result.positions)
    assert set(names) == ({"call"} if "call_rate" in result.positions else {"partial", "takeover"}) | {
        "stop", "take_profit",
    }  # fmt: skip
    assert (result.paths["adl_count"] > 0).any()
    for side in (None, "long"):
        table = result.by_leverage(BORDERS, side)
        where = np.searchsorted(BORDERS, table["lower"], side="right")
        for name in names:
            hits = hits_by_class(result, name, ("long", "short") if side is None else (side,))[where]
            assert hits.to_numpy().sum() > 0
            for row, (_, mine) in zip(table.to_dict("records"), hits.items(), strict=True):
                true = ratio(mine.to_numpy(float), np.full(PATHS, float(row["positions"])), None, 1.0)
                assert row[name] == pytest.approx(true.value)
                assert row[f"{name}_se"] >= true.se * (1 - 1e-9)
                assert row[f"{name}_low"] <= true.low + 1e-9 or true.low == 0.0
                assert row[f"{name}_high"] >= true.value
                assert row[f"{name}_paths"] <= mine.sum() ** 2 / max(1, (mine**2).sum()) + 1e-9


def test_rates_by_size_and_notional_hold_the_same_hits(result):
    for name in rule_rates.known(result.positions):
        rates, positions = result.rates_by("size"), result.positions
        hits = (positions[f"{name}_rate"] * positions["notional"]).sum()
        assert (rates[f"{name}_by_notional"] * rates["notional"]).sum() == pytest.approx(hits)
        assert (rates[name] * rates["positions"]).sum() == pytest.approx(positions[f"{name}_rate"].sum())
        sides = result.by_side()
        assert list(sides["side"]) == ["long", "short"]
        assert (sides[name] * sides["positions"]).sum() == pytest.approx(positions[f"{name}_rate"].sum())


def test_the_widest_spread_fills_the_paths_with_most_room_first():
    most = np.array([1.0, 4.0, 0.0, 3.0])
    np.testing.assert_array_equal(rule_rates.widest(5.0, most), [0.0, 4.0, 0.0, 1.0])
    np.testing.assert_array_equal(rule_rates.widest(0.0, most), np.zeros(4))
    np.testing.assert_array_equal(rule_rates.widest(9.0, most), most)  # more than there can be
    weights = np.array([10.0, 1.0, 1.0, 0.0])
    found = rule_rates.widest(11.0, most, weights)
    np.testing.assert_allclose(found, [1.0, 1.0, 0.0, 0.0])
    assert (weights * found).sum() == pytest.approx(11.0)


def test_no_other_spread_has_a_larger_error():
    rng = np.random.default_rng(3)
    for _ in range(200):
        most = rng.integers(0, 6, 12).astype(float)
        hits = np.floor(rng.uniform(size=12) * (most + 1))
        widest = rule_rates.widest(hits.sum(), most)
        assert widest.sum() == pytest.approx(hits.sum())
        assert (widest**2).sum() >= (hits**2).sum() - 1e-9
