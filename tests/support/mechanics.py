"""A result with every rule of part II on, made by hand from a small run: what people see can be tested without them."""

import functools
from dataclasses import replace

import numpy as np
import pandas as pd

import stress
from tests.support.results import sample

VAULT, HOUSE = 4e5, 1e6


def with_rules(result: stress.Result, layers=None, paths=None, **rules) -> stress.Result:
    """The result with rules of its venue, layers and columns of its paths as given."""
    config = result.config | {"venue": result.config["venue"] | rules} | ({"layers": layers} if layers else {})
    return replace(result, config=config, paths=result.paths.assign(**(paths or {})))


@functools.cache
def everything(carrier: str = "vault", waterfall=("vault", "fund", "adl", "house", "socialise")) -> stress.Result:
    """400 paths; every column of part II, of sizes that agree with each other."""
    result = sample()
    paths, n = result.paths, result.n_paths
    rng = np.random.default_rng(7)
    deficit = paths["deficit"].to_numpy()
    unpaid = np.where(deficit > np.quantile(deficit, 0.9), 0.2 * deficit, 0.0)
    cut = np.where(unpaid > 0, rng.uniform(0.01, 0.2, n), 0.0)
    liquidated, quantity = paths["liquidated_count"].to_numpy(), paths["liquidated_quantity"].to_numpy()
    taken = liquidated // 3 if carrier != "market" else 0 * liquidated
    loss = np.where(taken > 0, deficit - 0.1 * deficit.mean(), 0.0)
    columns = {
        "partial_count": liquidated // 2, "partial_quantity": 0.3 * quantity,
        "takeover_count": taken, "takeover_quantity": quantity * (taken > 0) / 4, "inventory_loss": loss,
        "carrier_low": VAULT - np.maximum(0.0, loss),
        "stop_count": liquidated // 4, "stop_quantity": 0.1 * quantity, "take_profit_count": liquidated // 5,
        "call_count": liquidated // 6, "topped_up": 100.0 * (liquidated // 6), "call_closed_count": liquidated // 12,
        "waiting_peak": liquidated // 7,
        "drawn_vault": 0.4 * deficit, "drawn_fund": 0.2 * deficit, "drawn_house": 0.5 * unpaid,
        "socialised": 0.4 * unpaid, "haircut": cut, "residual": 0.1 * unpaid,
        "funding_paid": rng.uniform(1e3, 2e3, n), "funding_outside": rng.normal(0.0, 10.0, n),
    }  # fmt: skip
    if carrier == "market":
        columns = {
            name: x for name, x in columns.items() if name.split("_")[0] not in ("takeover", "inventory", "carrier")
        }
    layers = {"vault": {"capital": VAULT, "floor": 0.0}, "house": {"capital": HOUSE, "floor": 0.0}}
    return with_rules(
        result, {name: layers[name] for name in waterfall if name in layers}, columns, carrier=carrier,
        waterfall=list(waterfall), closeout="fraction", partial_above=1e5, fraction=0.2, cooldown=30.0,
        takeover_below=0.66, unload_half_life=600.0, socialise="winners", throughput=10.0, liquidation="automatic",
    )  # fmt: skip


def adl_first() -> stress.Result:
    """A venue that closes winners before its fund pays: the curve of one run is refused."""
    drawn = {"drawn_fund": 0.5 * sample().paths["deficit"]}
    return with_rules(sample(), paths=drawn, waterfall=["adl", "fund"])


def log_of_all() -> pd.DataFrame:
    """An event of each kind, as `Result.replay_path` has them."""
    from stress.results.replay import EVENTS

    n = len(EVENTS)
    named = np.array(
        [event not in ("shortfall", "residual", "sale", "layer", "socialised", "funding") for event in EVENTS]
    )
    return pd.DataFrame(
        {
            "step": np.arange(1, n + 1), "time": 60.0 * np.arange(1, n + 1), "event": EVENTS,
            "position": np.where(named, 0, -1), "account": np.where(named, "a", ""),
            "side": np.where(np.arange(n) % 2 == 0, "long", "short"), "price": 60_000.0, "quantity": 1.0,
            "money": -100.0, "fund": 1e5, "position_left": 0.0,
        }
    )  # fmt: skip
