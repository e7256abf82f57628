"""What a report adds to a run directory: its figures as files, and the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stress import plots, report
from stress.errors import InputError, Problem
from stress.files import writing
from stress.results.result import Result
from stress.runs.record import Record


def check_counted(result: Result, where: str | Path) -> None:
    """Refuse to report a run without counts of positions."""
    if not result.counts_positions and result.days is None:
        expected = "a run with detail='positions': a report shows who is hit, and this run has not counted it"
        raise InputError(Problem(str(where), expected))


def write_files(record: Record, directory: Path) -> None:
    """Write figures/ and report.html into a run directory."""
    draw_figures(record, directory / "figures")
    (directory / "report.html").write_bytes(writing.encode(report.render(record)))


def draw_curve(record: Record, ax: Axes) -> Axes:
    """The curve of depletion, or the grid of funds that stands in its place."""
    if record.grid is not None:
        return plots.plot_fund_grid(record.grid, ax=ax)
    return plots.plot_depletion_curve(record.result, alphas=record.alphas, ax=ax)


def draw_figures(record: Record, folder: Path) -> None:
    """Draw the figures of a run into a new folder, each as .svg and .png."""
    folder.mkdir()
    figures: dict[str, Callable[[Axes], Axes]] = {
        "depletion_curve": lambda ax: draw_curve(record, ax),
        "adl_by_leverage": lambda ax: plots.plot_adl_by_leverage(record.result, ax=ax),
    }
    if record.result.days is not None:
        figures = {
            "ruin": lambda ax: plots.plot_ruin(record.result, ax=ax),
            "fund_by_day": lambda ax: plots.plot_fund_by_day(record.result, ax=ax),
        }
    with plots.style(), rc_context({"svg.hashsalt": "perp-stress"}):  # its ids are random otherwise
        for name, draw in figures.items():
            figure = Figure()
            draw(figure.subplots())
            for kind in ("svg", "png"):
                figure.savefig(folder / f"{name}.{kind}", metadata={"Date": None} if kind == "svg" else None)
                figure.set_layout_engine("none")  # the layout is computed once
