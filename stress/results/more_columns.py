"""Columns that the rules of part II of the model add to the tables of a run: which there are, by its configuration.

A column is there where its rule is on. Whether it is on is read from the record of the run alone (`Design.describe`),
so that a run directory is held against the same list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stress.kernels.path.counts import SHARE_UNIT
from stress.results import mechanics
from stress.results.estimate import hit_interval
from stress.results.weights import Weights

if TYPE_CHECKING:
    from stress.engine.blocks import PathBlock

PATHS = {
    "closeout": ("partial_count", "partial_quantity"),
    "carrier": ("takeover_count", "takeover_quantity", "inventory_loss", "carrier_low"),
    "stop": ("stop_count", "stop_quantity"),
    "take_profit": ("take_profit_count",),
    "calls": ("call_count", "topped_up", "call_closed_count"),
    "queue": ("waiting_peak",),
    "socialise": ("socialised", "haircut"),
    "funding": ("funding_paid", "funding_outside"),
}
POSITIONS = {
    "closeout": "partial",
    "carrier": "takeover",
    "stop": "stop",
    "take_profit": "take_profit",
    "calls": "call",
}
SIGNED = ("inventory_loss", "carrier_low", "funding_outside")


def rules_on(config: Mapping[str, Any]) -> set[str]:
    """Names of the rules that are on and have columns, keys of `PATHS`."""
    venue, events = config["venue"], config.get("events") or {}
    on = {
        "closeout": venue.get("closeout", "whole") != "whole",
        "carrier": mechanics.carrier(config) != "market",
        "calls": venue.get("liquidation", "automatic") != "automatic",
        "queue": venue.get("throughput") is not None or bool(events.get("outages")),
        "socialise": "socialise" in mechanics.waterfall(config),
        "funding": config.get("funding") is not None,
    }
    return {name for name, is_on in on.items() if is_on} | set(config["book"].get("orders", ()))


def path_columns(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the added columns of `Result.paths`, in their order."""
    on = rules_on(config)
    added = [column for rule, columns in PATHS.items() if rule in on for column in columns]
    apart = "waterfall" in config["venue"] or bool(config.get("layers")) or "carrier" in on
    apart = apart or mechanics.passes_cash(config)
    drawn = [f"drawn_{name}" for name in mechanics.cash_layers(config)] if apart else []
    return (*added, *drawn)


def rate_names(config: Mapping[str, Any]) -> tuple[str, ...]:
    """What is counted per position besides liquidation, bankruptcy and ADL: "partial", ..."""
    on = rules_on(config)
    return tuple(name for rule, name in POSITIONS.items() if rule in on)


def position_rates(config: Mapping[str, Any], block: PathBlock, size: int, is_weighted: bool) -> dict[str, np.ndarray]:
    """Share of paths on which a rule hit each position, `..._rate`, with its 95 % interval, `..._low`, `..._high`.

    Parameters
    ----------
    config : dict
    block : PathBlock
        Of all paths.
    size : int
        Positions.
    is_weighted : bool
        Whether the price model gives its paths weights.
    """
    n_paths, weights = block.out.size, Weights.of(block.weight)
    unit = SHARE_UNIT if is_weighted else 1.0
    columns = {}
    for name in rate_names(config):
        hits = np.zeros(size)
        hits[block.more_counts["number"]] = block.more_counts[name] / unit
        columns[f"{name}_rate"] = hits / n_paths
        columns[f"{name}_low"], columns[f"{name}_high"] = hit_interval(hits, n_paths, weights)
    return columns
