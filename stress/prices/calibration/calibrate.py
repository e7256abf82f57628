"""Calibration: a model of `FITTERS` fitted to bars, and the fit judged.

How each model is fitted is said in the module of its fitter. What is said about all of them in the same way is here:
whether the fit moves as its bars did at several horizons (`stress.prices.calibration.judge`), what it may be used for
(`stress.prices.calibration.verdict`), and the `[prices]` block of a scenario with all of this as provenance.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stress.arguments import is_word
from stress.errors import InputError, Problem, raise_if
from stress.prices.bar_file import as_bars
from stress.prices.bars import Bars
from stress.prices.base import PriceModel
from stress.prices.calibration.fit import Fit
from stress.prices.calibration.fits import digits
from stress.prices.calibration.fitters import FITTERS as FITTERS
from stress.prices.calibration.judge import informative
from stress.prices.calibration.jump_gap import gap_range, threshold_of
from stress.prices.calibration.verdict import Judgement, Verdict, half_fits, judge_fit
from stress.serialize import toml_value

DEFAULT = "filtered-bootstrap"
SLIDES = (
    "Fast moves of bars are slides, not proven gaps: jump_gap runs from the share seen to be jumped over to the share",
    "that may have been.",
)
NO_JUMPS = (
    "Moves are whole bars and hold no jumps, so jump_gap decides nothing: [run] delay or gap says how late a fill is,",
    "and without them the answer is a range over delays.",
)


@dataclass(frozen=True)
class Calibration:
    """A fitted model, the judgement of the fit, and its source.

    Attributes
    ----------
    fit : Fit
    bars : Bars
    threshold : float
        Log move of a bar above which it counts as a jump in `jump_gap`.
    jump_gap : (float, float)
        Proposed range of `jump_gap`, see `gap_range`.
    judgement : Judgement or None
        None: it was not judged.
    by_half : dict of str to Fit or InputError
        Fits to one half each, see `stress.prices.calibration.verdict.half_fits`; empty if not judged out of sample.
    """

    fit: Fit
    bars: Bars
    threshold: float
    jump_gap: tuple[float, float]
    judgement: Judgement | None = None
    by_half: Mapping[str, Fit | InputError] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Name of the model."""
        return self.fit.kind

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the model, without s0; rates per year of 365 days."""
        return self.fit.parameters

    @property
    def errors(self) -> dict[str, Any]:
        """Standard error of each fitted parameter, of the same shape."""
        return self.fit.errors

    @property
    def has_jumps(self) -> bool:
        """Whether steps of the model hold jumps, whose fills `jump_gap` decides."""
        from stress.prices import MODELS

        return bool(getattr(MODELS[self.kind], "has_jumps", True))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know about this fit."""
        return self.fit.notes

    @property
    def verdict(self) -> Verdict | None:
        """What the fit may be used for; None if it was not judged."""
        return None if self.judgement is None else self.judgement.verdict

    @property
    def fit_for_sizing(self) -> bool:
        """Whether it was judged, and sizes a fund at some probability."""
        return self.verdict is not None and self.verdict.fit

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the fit is not fit for sizing; empty if it is."""
        return ("it was not judged",) if self.verdict is None else self.verdict.reasons

    def model(self, s0: float | None = None) -> PriceModel:
        """The price model; `s0` (USD per coin) is the last close of the bars by default."""
        return self.fit.model(self.bars, s0)

    def table(self) -> pd.DataFrame:
        """Windows beyond each level, observed and expected, in sample and for each half; empty if not judged."""
        return pd.DataFrame() if self.judgement is None else self.judgement.wide()

    def with_fund(self, fund: pd.DataFrame) -> Calibration:
        """The same with a comparison of funds, see `stress.analysis.history_fund`, which joins the verdict."""
        if self.judgement is None:
            raise InputError(Problem("with_fund", "a calibration that was judged"))
        return replace(self, judgement=replace(self.judgement, fund=fund))

    def provenance(self) -> dict[str, Any]:
        """Plain values of `[prices.provenance]`, without the standard errors."""
        bars, verdict = self.bars, self.verdict
        out: dict[str, Any] = {
            "source": bars.source,
            "sha256": bars.sha256,
            "first": bars.first,
            "last": bars.last,
            "step": bars.step,
            "bars": len(bars),
            "gaps": bars.describe_gaps(),
            "threshold": self.threshold,
            "fit_for_sizing": False if verdict is None else verdict.record(),
            "reasons": list(self.reasons),
            "notes": [*self.notes, *(() if verdict is None else verdict.uses)],
            "jump_gap": list(self.jump_gap),
        }
        if self.fit.assumed:
            out["assumed"] = list(self.fit.assumed)
        if self.judgement is not None:
            out["judged"] = judged_rows(self.judgement)
            if self.judgement.fund is not None:
                out["fund"] = [_plain(row) for row in self.judgement.fund.to_dict("records")]
        return out

    def to_toml(self, s0: float | None = None, bars: str | None = None, time_format: str | None = None) -> str:
        """Text of a `[prices]` table of a scenario, with its provenance in `[prices.provenance]`.

        Parameters
        ----------
        s0 : float, optional
            Price at the start, USD per coin; default the last close.
        bars : str, optional
            Path of the bars, for a model that takes them, relative to the folder of the scenario; default their source.
        time_format : str, optional
            That the bars were read with, for the same models.
        """
        given = {"bars": self.bars.source if bars is None else bars} if self.fit.needs_bars else {}
        given |= {"time_format": time_format} if given and time_format is not None else {}
        head = {"model": self.kind, "s0": float(self.bars.close[-1] if s0 is None else s0)} | given | self.parameters
        provenance = self.provenance()
        judged, fund = provenance.pop("judged", None), provenance.pop("fund", None)
        lines = [
            "[prices]",
            *(f"{name} = {_toml(value)}" for name, value in head.items()),
            "",
            "[prices.provenance]",
            "# Rates and volatility per year of 365 days, sizes in log price.",
            *(f"# {line}" for line in (SLIDES if self.has_jumps else NO_JUMPS)),
            *(f"{name} = {_toml(value)}" for name, value in provenance.items()),
        ]
        if judged is not None:
            lines += [
                "# windows of `horizon` seconds whose return, low or high passes a move: observed, its 95 % interval,",
                "# expected by the model, its simulation error; later, earlier: observed, its interval and expected",
                "# in that half, fitted to the other one",
                f"judged = {_rows(judged)}",
            ]
        if fund is not None:
            lines += [
                "# fund that a day needs with that probability, USD: the days of the bars, the model's days",
                f"fund = {_rows(fund)}",
            ]
        lines += ["", "[prices.provenance.standard_errors]"]
        lines += [f"{name} = {_toml(value)}" for name, value in self.errors.items()]
        return "\n".join(lines) + "\n"


def judged_rows(judgement: Judgement) -> list[dict[str, Any]]:
    """The rows of a judgement that say something, as plain values."""
    rows = []
    for row in informative(judgement.wide()).to_dict("records"):
        plain = {k: row[k] for k in ("horizon", "of", "move", "observed", "low", "high", "expected", "se")}
        plain |= {"inside": bool(row["inside"]), "far": bool(row["far"])}
        for name in judgement.other_half:
            plain[name] = [row[f"{name}_{c}"] for c in ("observed", "low", "high", "expected")]
        rows.append(_plain(plain))
    return rows


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """Plain values with four significant digits; what is not a number is left out."""

    def short(value: Any) -> Any:
        if isinstance(value, (str, bool)):
            return value
        if isinstance(value, np.bool_):
            return bool(value)
        return digits(value, 4) if np.ndim(value) or abs(value) >= 1e-6 else 0.0

    missing = {k for k, v in row.items() if np.ndim(v) == 0 and v != v}
    return {str(k): short(v) for k, v in row.items() if k not in missing}


def calibrate(
    bars: Bars | pd.DataFrame | str | Path,
    model: str = DEFAULT,
    threshold: float | None = None,
    cap: float | None = None,
    *,
    judged: bool = True,
    halves: bool = True,
    n_paths: int | None = None,
) -> Calibration:
    """Fit a model to bars and judge the fit.

    Parameters
    ----------
    bars : Bars, DataFrame or path
        Bars of at most a day; years of bars of an hour or less, with at least one crash.
    model : str
        A key of `stress.prices.calibration.fitters.FITTERS`.
    threshold : float, optional
        Log move of a bar above which it is explained by jumps, for models that ask for one.
    cap : float, optional
        Largest jump, or bar of a bootstrap, in log price, for models that ask for one. Default: twice the largest of
        the bars, an assumption.
    judged : bool
        False: the fit alone, which is then not fit for sizing.
    halves : bool
        Whether it is judged out of sample too, which takes two fits more.
    n_paths : int, optional
        Paths behind the expected numbers; default some thousands.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        If the model is unknown or has no such option, an option is out of range, or the bars are too few or too long.
    """
    if not is_word(model, FITTERS):
        raise InputError(Problem("calibrate", f"one of {', '.join(FITTERS)}", column="model", value=model))
    options = {k: v for k, v in (("threshold", threshold), ("cap", cap)) if v is not None}
    raise_if([_no_option(model, k, v) for k, v in options.items() if not _takes(model, k)])

    problems: list[Problem] = []
    read = as_bars(bars, problems)
    raise_if(problems)
    assert read is not None

    def fitter(part: Bars) -> Fit:
        return FITTERS[model](part, **options)

    fit = fitter(read)
    u = threshold_of(read.log_returns()) if threshold is None else threshold
    by_half = half_fits(fitter, read) if judged and halves else {}
    judgement = judge_fit(fit, read, by_half, n_paths) if judged else None
    return Calibration(fit, read, u, gap_range(read, u), judgement, by_half)


def _takes(model: str, option: str) -> bool:
    return option in inspect.signature(FITTERS[model]).parameters


def _no_option(model: str, option: str, value: float) -> Problem:
    others = ", ".join(name for name in FITTERS if _takes(name, option))
    return Problem("calibrate", f"no {option} for {model}; models that take one: {others}", column=option, value=value)


def _rows(rows: list[dict[str, Any]]) -> str:
    return "[\n" + "".join(f"  {toml_value(row)},\n" for row in rows) + "]"


def _toml(value: Any) -> str:
    """A value, long lists of numbers eight in a line."""
    if isinstance(value, (list, tuple)) and len(value) > 8 and not isinstance(value[0], (str, dict)):
        items = [toml_value(float(v)) for v in value]
        return "[\n" + "".join("  " + ", ".join(items[i : i + 8]) + ",\n" for i in range(0, len(items), 8)) + "]"
    if isinstance(value, np.ndarray):
        return _toml(value.tolist())
    return toml_value(value.item() if isinstance(value, np.generic) else value)
