"""What the columns of a path that rules of part II add are called where people see them, and their units.

The figures of a run (`stress.results.mechanics`) and a comparison (`stress.results.comparison`) take their words here,
so that one column has one name.
"""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """The words of a column.

    amount : what its value is, after "mean"
    unit : "USD" (the money of the run), "coins" (its quantities), "share", or "" for a count
    event : what has happened where it is above 0, inside "P(...)"; "": that says nothing of its own
    """

    amount: str
    unit: str
    event: str = ""


WORDS = {
    "drawn_fund": Words("drawn from the fund", "USD", "the fund is drawn on"),
    "drawn_vault": Words("drawn from the vault", "USD", "the vault is drawn on"),
    "drawn_house": Words("drawn from the house", "USD", "the house is drawn on"),
    "inventory_loss": Words("loss on inventory", "USD"),
    "socialised": Words("socialised", "USD"),
    "haircut": Words("haircut", "share", "a loss is socialised"),
    "liquidated_count": Words("positions liquidated", ""),
    "partial_count": Words("partial liquidations", "", "a position is closed in part"),
    "takeover_count": Words("positions taken over", "", "a position is taken over"),
    "stop_count": Words("stops met", "", "a stop is met"),
    "stop_quantity": Words("quantity closed by stops", "coins"),
    "take_profit_count": Words("take-profits met", "", "a take-profit is met"),
    "call_count": Words("margin calls", "", "a position is called"),
    "topped_up": Words("paid in on calls", "USD"),
    "waiting_peak": Words("of the most that wait at once", "", "a position waits"),
    "funding_paid": Words("funding that changes hands", "USD"),
    "funding_outside": Words("funding that the outside receives, net", "USD"),
}
DONE = {
    "partial": "cut",
    "takeover": "taken over",
    "stop": "closed at stop",
    "take_profit": "closed at take-profit",
    "call": "called",
}  # what a rule did to a position, by the name of its rate


def mean_of(column: str) -> str:
    """The mean of a column over paths."""
    return f"mean {WORDS[column].amount}"


def chance_of(column: str, apart: str = "") -> str:
    """The probability that a column is above 0; `apart` is what does not count, after a comma."""
    return f"P({WORDS[column].event}{apart})"
