"""What commands leave behind: a table, a picture or a text in a file that was named, and its options."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stress.errors import InputError, Problem
from stress.files import writing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")  # of pictures
UNDATED: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}  # the same bytes whenever drawn
Table = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the table to this CSV file.")]
Picture = Annotated[Path | None, typer.Option("--picture", metavar="FILE", help="Draw it to this file: png, svg, pdf.")]


def check_files(out: Path | None = None, picture: Path | None = None) -> None:
    """Refuse places that cannot be written, and a picture of an unknown format, before the work.

    Raises
    ------
    InputError
    """
    for path in (out, picture):
        writing.check_file(path)
    if picture is not None and _kind(picture) not in FORMATS:
        expected = f"a file that ends with .{', .'.join(FORMATS)}"
        raise InputError(Problem("--picture", expected, value=str(picture)))
    if out is not None and picture is not None and out.resolve() == picture.resolve():
        raise InputError(Problem("--picture", "another file than that of --out", value=str(picture)))


def put_table(table: pd.DataFrame, path: Path, counted: str = "") -> None:
    """Write a table as CSV and say so; `counted` is how many rows it has, with their noun."""
    from stress.files import csv_tables

    writing.put_text(path, csv_tables.to_csv(table, str(path)))
    print(f"{counted}: {path}" if counted else path)
    if taken := csv_tables.formulas(table):
        print(f"Warning: {path}: {taken}.", file=sys.stderr)


def keep_table(table: pd.DataFrame, path: Path | None, quiet: bool) -> None:
    """Write a table to the file that was named; without one, and where no text is printed, to standard output."""
    from stress.files import csv_tables

    if path is not None:
        put_table(table, path)
    elif quiet:
        print(csv_tables.to_csv(table, "standard output"), end="")


def put_text(text: str, path: Path | None) -> None:
    """Write a text to the file that was named and say so; without one to standard output."""
    if path is None:
        print(text, end="")
    else:
        writing.put_text(path, text)
        print(path)


def put_picture(draw: Callable[[], Axes], path: Path) -> None:
    """Draw into a file in the format that its name ends with, and say so; the same chart gives the same bytes."""
    import matplotlib as mpl

    mpl.use("agg")  # before anything is drawn: nothing is shown
    figure: Any = draw().figure
    put_figure(figure, path)


def put_figure(figure: Figure, path: Path, **options: Any) -> None:
    """Write a figure in the format that the name of its file ends with, and say so on standard error.

    Standard output may be a table or a block.
    """
    kind, file = _kind(path), io.BytesIO()
    figure.savefig(file, format=kind, metadata=UNDATED.get(kind), **options)
    writing.put_bytes(path, file.getvalue())
    print(path, file=sys.stderr)


def _kind(path: Path) -> str:
    return path.suffix.lstrip(".").lower()
