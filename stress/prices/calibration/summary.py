"""What is known about a calibration, from the plain values of `[prices.provenance]`: for the terminal and for reports.

A provenance is a part of a file, so it may hold anything; rows that are not those of a judgement are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any

from stress.formatting import duration, percent, usd, usd_range
from stress.prices.calibration.judge import number

COUNTS = ("horizon", "move", "observed", "low", "high", "expected")
FUNDS = ("gap", "probability", "expected", "expected_low", "expected_high")
KINDS = (("low", "low below"), ("high", "high above"), ("return", "return beyond"))
OUTSIDE, FAR = "*", "!"


def counts(provenance: dict[str, Any], half: str = "", kinds: Iterable[str] = ("low", "high", "return")) -> Any:
    """Header and rows of the counts, horizons side by side: observed / expected, marked where they disagree.

    Parameters
    ----------
    provenance : dict
    half : str
        "" in sample, "later" or "earlier" for the half that judges a fit to the other.
    kinds : iterable of str
        Of `low`, `high`, `return`.

    Returns
    -------
    list of str, list of list of str
        Both empty if the provenance has no such counts.
    """
    cells: dict[tuple[str, float], dict[float, str]] = {}
    for row in _rows(provenance.get("judged"), COUNTS):
        if half:
            part = row.get(half)
            if not (isinstance(part, list) and len(part) == 4 and all(map(_is_number, part))):
                continue
            observed, low, high, expected = part
            mark = "" if low <= expected <= high else OUTSIDE
        else:
            observed, expected = row["observed"], row["expected"]
            mark = FAR if row.get("far") is True else OUTSIDE if row.get("inside") is False else ""
        if observed > 0 or expected >= 0.5:
            key = (str(row.get("of")), float(row["move"]))
            cells.setdefault(key, {})[float(row["horizon"])] = f"{number(observed)} / {number(expected)}{mark}"
    known = [(kind, words) for kind, words in KINDS if kind in set(kinds)]
    horizons = sorted({h for key, found in cells.items() if key[0] in dict(known) for h in found})
    rows = []
    for kind, words in known:
        for key in sorted((k for k in cells if k[0] == kind), key=lambda k: (k[1] < 0, abs(k[1]))):
            rows.append([f"{words} {key[1]:+.0%}", *(cells[key].get(h, "") for h in horizons)])
    return (["window", *map(duration, horizons)] if rows else []), rows


def funds(provenance: dict[str, Any]) -> list[list[str]]:
    """Rows of the fund of a day: gap, probability, bars' days, model's days, and with the calibration's error."""
    rows = []
    for row in _rows(provenance.get("fund"), FUNDS):
        seen = "too few days"
        if all(_is_number(row.get(k)) for k in ("observed", "low")):
            high = row.get("high", float("inf"))
            seen = f"{usd(row['observed'])} ({_span(row['low'], high)})"
        model = f"{usd(row['expected'])} ({_span(row['expected_low'], row['expected_high'])})"
        whole = ""
        if all(_is_number(row.get(k)) for k in ("range_low", "range_high", "calibration_se")):
            whole = _span(row["range_low"], row["range_high"])
        mark = "" if row.get("inside") is not False else OUTSIDE
        rows.append([f"{row['gap']:g}", percent(row["probability"]), seen, model + mark, whole])
    return rows


def verdict(provenance: dict[str, Any]) -> str:
    """The verdict in a sentence."""
    sizing = provenance.get("fit_for_sizing")
    record = sizing if isinstance(sizing, dict) else {"fit": sizing}
    if record.get("fit") is True:
        least = record.get("probability")
        if _is_number(least):
            return f"Fit for sizing a fund at a probability of {percent(least)} of days or more."  # type: ignore[arg-type]
        return "Fit for sizing a fund, by a check that knew no smallest probability."
    return "Not fit for sizing a fund." if record.get("fit") is False else "Not judged."


def lines(provenance: dict[str, Any]) -> list[tuple[str, str]]:
    """Where the bars come from."""
    keys = {
        "source": "Bars",
        "first": "From",
        "last": "To",
        "step": "Step",
        "bars": "Number",
        "gaps": "Gaps in the file",
    }
    out = []
    for key, label in keys.items():
        value = provenance.get(key)
        if value not in (None, ""):
            number_of = f"{value:,}" if key == "bars" and isinstance(value, int) else str(value)
            out.append((label, duration(float(value)) if key == "step" and _is_number(value) else number_of))
    return out


def _rows(value: Any, numbers: Iterable[str]) -> list[dict[str, Any]]:
    wanted = tuple(numbers)
    rows = value if isinstance(value, list) else []
    return [row for row in rows if isinstance(row, dict) and all(_is_number(row.get(k)) for k in wanted)]


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _span(low: float, high: float) -> str:
    return f"{usd(low)} or more" if high == float("inf") else usd_range(low, high)
