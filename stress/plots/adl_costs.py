"""Chart of what ADL takes from those it hits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from stress import formatting
from stress.analysis.adl_costs import AdlCosts
from stress.arguments import wrong_types
from stress.errors import raise_if
from stress.plots.style import BLUE, GREEN, INK, MUTED, PURPLE, SIZE, axes_of, empty, legend_above, style

if TYPE_CHECKING:
    import pandas as pd

POINTS = 200  # of a curve
LINES = {  # column of the fills: its label and colour
    "haircut_profit": ("Of the profit at the mark", PURPLE),
    "haircut_equity": ("Of the equity", GREEN),
    "haircut_contracts": ("Of the contracts", BLUE),
}
REACH = 0.5  # of a notional: what regret is drawn up to


def plot_adl_costs(costs: AdlCosts, *, ax: Axes | None = None) -> Axes:
    """What share of those hit loses at most so much: haircuts in three spaces, and regret as a share of notional.

    Regret is turned round: to the right what ADL cost, to the left of zero what it spared.

    Parameters
    ----------
    costs : AdlCosts
        Of `stress.adl_costs`.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    wanted: dict[str, tuple[Any, Any, str]] = {"costs": (costs, AdlCosts, "the figures of stress.adl_costs")}
    if ax is not None:
        wanted["ax"] = ax, Axes, "the axes of a figure of matplotlib"
    raise_if(wrong_types("plot", **wanted))
    ax = axes_of(ax, SIZE)
    with style():
        if costs.hits.empty:
            empty(ax, "Nobody was hit.")
        else:
            _draw(ax, costs)
    return ax


def _draw(ax: Axes, costs: AdlCosts) -> None:
    for column, (label, color) in LINES.items():
        _curve(ax, costs, costs.fills, costs.fills[column].to_numpy(), label, color, "-")
    cost = -costs.hits["regret_share"].to_numpy()
    _curve(ax, costs, costs.hits, cost, "Regret, of the notional", INK, (0, (4, 2)))
    ax.axvline(0.0, color=MUTED, lw=0.8)
    ax.set_xlim(max(-REACH, min(0.0, float(np.nanmin(cost)))), 1.02)
    ax.set_ylim(0.0, 1.0)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda x, _: formatting.significant(100 * x, 3) + " %"))
    ax.set_xlabel("Share that is lost; left of 0: spared")
    ax.set_ylabel("Of those hit, at most this")
    legend_above(ax, "What does ADL take from those it hits?", columns=2)


def _curve(
    ax: Axes, costs: AdlCosts, table: pd.DataFrame, values: np.ndarray, label: str, color: str, line: Any
) -> None:
    """Distribution of some values, with the weights of their paths, thinned to what can be seen."""
    weights = costs.pool.weights
    path = table["path"].to_numpy(np.int64)
    weight = np.ones(path.size) if weights is None else weights.value[path]
    known = np.isfinite(values)
    order = np.argsort(values[known], kind="stable")
    x, share = values[known][order], np.cumsum(weight[known][order])
    if not share.size or not share[-1] > 0.0:
        return
    share = share / share[-1]
    kept = np.unique(np.r_[0, np.searchsorted(share, np.linspace(0.0, 1.0, POINTS), side="left").clip(0, x.size - 1)])
    at, height = np.r_[x[0], x[kept], 2.0], np.r_[0.0, share[kept], 1.0]
    ax.plot(at, height, color=color, ls=line, label=label, drawstyle="steps-post")
