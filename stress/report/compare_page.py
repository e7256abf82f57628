"""A comparison as a page, pictures and tables: designs on the same price paths, each against the first.

report.html
comparison.csv      `stress.compare`, exact figures
changed.csv         keys of the scenarios that differ
figures/            depletion_curves, paired_difference (.svg, .png)
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from stress import plots, report
from stress.analysis.study import DEPLETED, DEPLETED_ALONE
from stress.errors import InputError, Problem
from stress.files import csv_tables, writing
from stress.formatting import duration, money, percent, visible
from stress.plots.comparison import no_curves
from stress.report import figures
from stress.results import comparison_words as words
from stress.results.result import Result
from stress.runs.changes import changes
from stress.scenario.keys import number_of, text_of

PICTURES = {
    "depletion_curves": ("Probability against initial fund, of each design", plots.plot_depletion_curves),
    "paired_difference": ("Difference of the probabilities, paired", plots.plot_paired_difference),
}
KINDS = ("svg", "png")
WRITTEN = {"report.html", "comparison.csv", "changed.csv", "figures"}
LABEL = "name"  # a key that labels a scenario and changes nothing


@dataclass(frozen=True)
class Comparison:
    """Designs on the same price paths.

    results : dict of str to Result, the first is what the others are measured against
    scenarios : dict of str to dict, resolved, of each of them
    table : DataFrame, see `stress.results.comparison.compare`
    alphas : tuple of float
    """

    results: Mapping[str, Result]
    scenarios: Mapping[str, Mapping[str, Any]]
    table: pd.DataFrame
    alphas: tuple[float, ...]

    @property
    def changed(self) -> pd.DataFrame:
        """Keys of the scenarios that differ from the first, without their names: design, key, first, this."""
        (_, first), *others = self.scenarios.items()
        rows = [
            (name, key, *(("" if x is None else str(x)) for x in (a, b)))
            for name, scenario in others
            for key, a, b in changes(first, scenario)
            if key != LABEL
        ]
        return pd.DataFrame(rows, columns=["design", "key", "first", "this"])

    @property
    def changed_in_words(self) -> pd.DataFrame:
        """The same with figures as a reader takes them in."""
        found = self.changed
        for column in ("first", "this"):
            found[column] = [text_of(k, number_of(x)) for k, x in zip(found["key"], found[column], strict=True)]
        return found

    def titled(self) -> Comparison:
        """The same under the names of the scenarios, or of their files, in the place of paths; where these differ."""
        for titles in ([str(s.get(LABEL)) for s in self.scenarios.values()], [Path(x).stem for x in self.results]):
            if len(set(titles)) == len(titles):
                title = dict(zip(self.results, titles, strict=True))
                return Comparison(
                    {title[name]: result for name, result in self.results.items()},
                    {title[name]: scenario for name, scenario in self.scenarios.items()},
                    self.table.assign(design=self.table["design"].map(title)),
                    self.alphas,
                )
        return self


def check(directory: Path) -> None:
    """Refuse a directory that holds anything but a comparison, before the work.

    Raises
    ------
    InputError
    """
    where = str(directory)
    if directory.exists() and not directory.is_dir():
        raise InputError(Problem(where, "a directory; this is a file"))
    others = sorted(x.name for x in directory.iterdir() if x.name not in WRITTEN) if directory.is_dir() else []
    if others:
        raise InputError(Problem(where, f"a new directory, or one of a comparison; it holds {', '.join(others[:3])}"))


def write(found: Comparison, directory: Path) -> Path:
    """Write page, pictures and tables into a directory; the path of the page.

    Page and pictures call designs by their titles, tables by their paths.

    Raises
    ------
    InputError
        If the directory holds anything else, or cannot be written.
    """
    check(directory)
    try:
        (directory / "figures").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(Problem(str(directory), f"a writable path ({error.strerror})")) from None
    for name, table in (("comparison", found.table), ("changed", found.changed)):
        path = directory / f"{name}.csv"
        writing.put_text(path, csv_tables.to_csv(table, str(path)))
    titled = found.titled()
    with money(next(iter(found.results.values())).money):
        for name, data in _drawn(titled).items():
            writing.put_bytes(directory / "figures" / name, data)
        return writing.put_text(directory / "report.html", render(titled))


def render(found: Comparison) -> str:
    """The page as text."""
    with money(next(iter(found.results.values())).money):
        return report.environment().get_template("compare.html.jinja").render(context(found))


def context(found: Comparison) -> dict[str, Any]:
    """What the template shows."""
    (base, first), *_ = found.results.items()
    config = first.config
    paired = f"{first.n_paths:,} price paths of {duration(config['steps'] * config['step'])}, seed {config['seed']}"
    return {
        "base": visible(base),
        "names": [visible(name) for name in found.results],
        "paired": paired,
        "answers": [sentence for name in list(found.results)[1:] for sentence in _answers(found, name)],
        "changed": report.rows_of(found.changed_in_words),
        "same": [visible(name) for name in list(found.results)[1:] if name not in set(found.changed["design"])],
        "parts": [
            (visible(str(design)), [_cells(row) for row in report.rows_of(part)], _notes(part))
            for design, part in found.table.groupby("design", sort=False)
        ],
        "figures": {}
        if no_curves(found.results)
        else {
            name: figures.svg(name.replace("_", ""), alt, plot, found.results, alphas=found.alphas)
            for name, (alt, plot) in PICTURES.items()
        },
        "versions": ", ".join(f"{name} {version}" for name, version in first.provenance.items()),
    }


def _answers(found: Comparison, name: str) -> list[str]:
    """How the fund of a design differs, a sentence for each alpha."""
    part = found.table[found.table["design"] == name].set_index("quantity", drop=False)
    base, layer = next(iter(found.results)), found.results[name].layer
    if why := no_curves({x: found.results[x] for x in (base, name)}):
        row = part.loc[DEPLETED if DEPLETED in part.index else DEPLETED_ALONE].to_dict()
        difference, interval = words.apart(row)
        of = f"{words.side(row, 'value')} in place of {words.side(row, 'base')}"
        chance = f"the first layer is depleted with a probability of {of}; difference {difference} {interval}"
        return [f"{visible(name)}: {chance}. Funds are not compared: {visible(why)}."]
    sentences = []
    for alpha in found.alphas:
        row = part.loc[f"fund for alpha = {alpha:g}"].to_dict()
        difference, interval = words.fund_apart(row)
        of = f"{words.side(row, 'value')} in place of {words.side(row, 'base')}"
        sentences.append(
            f"{visible(name)}: the {layer} for {percent(alpha)} is {of}; difference {difference} {interval}."
        )
    return sentences


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    difference, interval = (*words.apart(row), "", "")[:2]
    *discordant, p_value = words.odds(row) or ("",)
    return {
        "quantity": words.quantity(row), "base": words.side(row, "base"), "value": words.side(row, "value"),
        "difference": difference, "interval": interval, "discordant": " : ".join(discordant), "p_value": p_value,
    }  # fmt: skip


def _notes(part: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(str(note) for note in part["note"] if isinstance(note, str) and note))


def _drawn(found: Comparison) -> dict[str, bytes]:
    """The pictures by name of their file."""
    made = {}
    with plots.style(), rc_context({"svg.hashsalt": "perp-stress"}):
        for name, (_, plot) in PICTURES.items():
            figure = Figure()
            plot(found.results, alphas=found.alphas, ax=figure.subplots())
            for kind in KINDS:
                file = io.BytesIO()
                figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else None)
                figure.set_layout_engine("none")  # the layout is computed once
                made[f"{name}.{kind}"] = file.getvalue()
    return made


def is_directory(out: Path) -> bool:
    """Whether `--out` names a directory: one that is there, or a name without an ending. Others are files, for CSV."""
    return out.is_dir() or (not out.exists() and not out.suffix)
