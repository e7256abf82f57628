"""The naive twin of the engine, under one name; see `tests.twin`, where it is written."""

from tests.twin.adl import SCORES, allocate, profit_size_keys
from tests.twin.design import Design, simulate
from tests.twin.market import Course, OrderBook
from tests.twin.position import (
    bankruptcy_price,
    equity,
    inverse_bankruptcy_price,
    inverse_liquidation_price,
    inverse_profit,
    leverage,
    liquidation_price,
    maintenance,
    profit,
    rounded,
)
from tests.twin.records import (
    LONG,
    SHORT,
    Depth,
    Event,
    Events,
    Funding,
    Layer,
    Outcome,
    Position,
    Rules,
    Tier,
)

__all__ = [
    "LONG",
    "SCORES",
    "SHORT",
    "Course",
    "Depth",
    "Design",
    "Event",
    "Events",
    "Funding",
    "Layer",
    "OrderBook",
    "Outcome",
    "Position",
    "Rules",
    "Tier",
    "allocate",
    "bankruptcy_price",
    "equity",
    "inverse_bankruptcy_price",
    "inverse_liquidation_price",
    "inverse_profit",
    "leverage",
    "liquidation_price",
    "maintenance",
    "profit",
    "profit_size_keys",
    "rounded",
    "simulate",
]
