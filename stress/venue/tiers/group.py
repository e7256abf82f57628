"""The rows of a market with what a file says around them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """The rows of one market.

    Parameters
    ----------
    market : str or None
        None where the file does not name it.
    records : list of dict
    around : dict
        What the file says of the market itself, e.g. the size of its contract.
    flat : bool
        The venue's rate holds for the whole position.
    notes : tuple of (what, rule)
        What was done to the rows that the person should know.
    left_out : str
        Why the market cannot be read, e.g. "delisted"; "" if it can.
    contract : {"linear", "inverse"}
    counted : str or None
        What the bounds of an inverse market count, "coins" of notional or "contracts"; None if it is not known.
    """

    market: str | None
    records: list[Record]
    around: Record = field(default_factory=dict)
    flat: bool | None = None
    notes: tuple[tuple[str, str], ...] = ()
    left_out: str = ""
    contract: str = "linear"
    counted: str | None = None
