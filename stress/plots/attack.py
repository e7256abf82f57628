"""A chart of an attack: what every way gains over the capital that it takes, and who pays for the best."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from stress import formatting
from stress.analysis.attacks.attack import AttackResult
from stress.arguments import wrong_types
from stress.errors import InputError, Problem, raise_if
from stress.plots.style import BLUE, INK, MUTED, SIZE, VERMILION, axes_of, legend_above, style

LINEAR = 0.02  # share of the largest gain within which the axis of gains is linear


def plot_attack(found: AttackResult, *, ax: Axes | None = None) -> Axes:
    """What every way gains over the capital that it takes; where the market is random, with its 95 % interval.

    Parameters
    ----------
    found : AttackResult
        Of `stress.attack`; the ways that are open under its defence are drawn beside the others.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    raise_if(
        wrong_types(
            "plot", found=(found, AttackResult, "the result of stress.attack"), ax=(ax, Axes | None, "Axes or None")
        )
    )
    if all(one.table.empty for _, one in found.sides()):
        raise InputError(Problem("plot", "an attack with a way that is not refused"))
    with style(), formatting.money("USD"):
        ax = axes_of(ax, SIZE)
        largest = max(float(one.table["gain"].abs().max()) for _, one in found.sides() if len(one.table))
        for (name, one), colour, marker in zip(found.sides(), (VERMILION, BLUE), ("o", "s"), strict=False):
            if len(one.table):
                words = "no defence" if name == "none" else name
                _draw(ax, one, colour, marker, words)
        ax.axhline(0.0, color=INK, linewidth=0.8)
        ax.set_xscale("log")
        ax.set_yscale("symlog", linthresh=max(1.0, LINEAR * largest))
        for axis, what in ((ax.xaxis, "capital"), (ax.yaxis, "gain")):
            axis.set_major_formatter(FuncFormatter(lambda x, _: formatting.bare(formatting.usd(x))))
            axis.set_minor_formatter(NullFormatter())
            axis.set_label_text(f"{what}, USD")
        title = f"Attack: {found.kind.replace('_', ' ')}"
        if found.defended is None:
            ax.set_title(title)
        else:
            legend_above(ax, title, columns=2)
    return ax


def _draw(ax: Axes, one: AttackResult, colour: str, marker: str, words: str) -> None:
    """The ways of one side."""
    table = one.table
    gain, capital = table["gain"].to_numpy(), table["capital"].to_numpy()
    spread: Any = np.array([gain - table["low"].to_numpy(), table["high"].to_numpy() - gain])
    if (table["paths"] > 1).any():
        ax.errorbar(capital, gain, yerr=np.nan_to_num(spread), fmt="none", ecolor=MUTED, linewidth=0.8)
    ax.plot(capital, gain, marker, color=colour, label=words, markerfacecolor="none")
