"""Common style of all charts: colours, fonts, axes of money and of probability.

Importing this module changes no settings and selects no backend: the settings apply inside `style()`, and pyplot is
imported only when a chart has to make its own figure.

Colours: M. Okabe and K. Ito, "Color universal design" (2008), distinguishable with every common colour blindness. Blue
is liquidation and long, vermilion is ADL and short, green is the fund, black is for reference values.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Concatenate, ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.legend import Legend
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stress import formatting
from stress.arguments import wrong_types
from stress.errors import raise_if
from stress.results.result import Result

BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
ORANGE, SKY = "#e69f00", "#56b4e9"  # of layers beside the fund, and of orders beside liquidations
INK, MUTED, RULE = "#1a1a1a", "#5f6368", "#d9dce0"
SIZE, TALL = (5.0, 3.3), (5.0, 4.6)  # inches
BAND = 0.25  # opacity of an interval

SETTINGS: Any = {
    "figure.figsize": SIZE,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 160,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same layout everywhere
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handlelength": 1.2,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "hatch.linewidth": 0.6,
}

P = ParamSpec("P")


def style() -> AbstractContextManager[None]:
    """Context manager that applies the settings of all charts."""
    return mpl.rc_context(SETTINGS)


def drawn(size: tuple[float, float] = SIZE) -> Callable[[Callable[Concatenate[Axes, P], None]], Callable[..., Axes]]:
    """Turn `plot(ax, result, ...)` into `plot(result, ..., ax=None) -> ax`, drawn in the common style.

    Parameters
    ----------
    size : (float, float)
        Width and height in inches of the new figure, if no axes are given.
    """

    def decorate(plot: Callable[Concatenate[Axes, P], None]) -> Callable[..., Axes]:
        @functools.wraps(plot)
        def wrapper(*args: Any, ax: Axes | None = None, **kwargs: Any) -> Axes:
            result = args[0] if args else kwargs.get("result")
            _check(result, ax)
            assert isinstance(result, Result)
            ax = axes_of(ax, size)
            with style(), formatting.money(result.money):
                plot(ax, *args, **kwargs)
            return ax

        wrapper.__signature__ = _public(plot)  # type: ignore[attr-defined]
        return wrapper

    return decorate


def axes_of(ax: Axes | None, size: tuple[float, float] = SIZE) -> Axes:
    """The axes that are given, or those of a new figure of `size` inches in the common style."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    plt.get_backend()  # starts the backend of a notebook, whose settings must outlive the style
    with style():
        made: Axes = plt.subplots(figsize=size)[1]
    return made


def _check(result: Any, ax: Any) -> None:
    expected = "a stress.Result, of stress.simulate, or the `result` of a Record"
    wanted: dict[str, tuple[Any, Any, str]] = {"result": (result, Result, expected)}
    if ax is not None:
        wanted["ax"] = ax, Axes, "the axes of a figure of matplotlib"
    raise_if(wrong_types("plot", **wanted))


def _public(plot: Callable[..., None]) -> inspect.Signature:
    """Signature of the decorated function, as help shows it: `ax` is last and optional."""
    _, *rest = inspect.signature(plot).parameters.values()
    ax = inspect.Parameter("ax", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Axes | None")
    return inspect.Signature([*rest, ax], return_annotation="Axes")


def legend_above(ax: Axes, title: str, columns: int = 3) -> Legend:
    """Place the legend between the title and the axes, where it covers no data; the title makes room for its lines."""
    lines = -(-len(ax.get_legend_handles_labels()[0]) // columns)
    ax.set_title(title, pad=6 + 14 * max(lines, 1))
    legend = ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns, borderaxespad=0.1, borderpad=0.2)
    legend.set_in_layout(False)  # otherwise labels wider than the axes would shrink them
    return legend


def money_axis(axis: Axis, top: float, what: str, money: str | None = None) -> float:
    """Label an axis with `what` in a unit suitable for values up to `top`, and return the unit.

    `money` is what values are in; default: that of what is written around (`stress.formatting.money`).
    """
    names = {1e9: "USD billions", 1e6: "USD millions", 1e3: "USD thousands", 1.0: "USD"}
    unit = next((u for u in names if top >= u), 1.0)
    axis.set_label_text(f"{what} ({names[unit].replace('USD', money or formatting.money_name())})")
    axis.set_major_formatter(FuncFormatter(lambda x, _: formatting.significant(x, 6)))
    return unit


def log_probability_axis(ax: Axes, bottom: float) -> None:
    """Set up a y axis of probability on a log scale from `bottom` to 1, labelled in per cent at powers of ten."""
    ax.set_yscale("log")
    ax.set_ylim(bottom, 1.0)
    ax.yaxis.set_major_locator(LogLocator(10, numticks=12))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda p, _: formatting.significant(100 * p, 2) + " %"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def probability_axis(ax: Axes, top: float) -> None:
    """Set up a y axis of probability from 0 to at least `top`, labelled in per cent."""
    ax.set_ylim(0.0, min(1.0, 1.1 * top) if top > 0 else 1.0)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda p, _: formatting.significant(100 * p, 3) + " %"))


def empty(ax: Axes, text: str) -> None:
    """Show a text that explains why there is nothing to draw."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=MUTED, wrap=True)
