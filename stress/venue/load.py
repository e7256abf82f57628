"""Venues by name or from a file: the presets of the package, and files of the user."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from stress.arguments import is_word, path_of
from stress.callers import warn
from stress.errors import InputError, Problem, raise_if
from stress.venue.file import PRESETS, STATUSES, VenueFile
from stress.venue.markets import spellings_of
from stress.venue.tier import Tier
from stress.venue.values import one_of
from stress.venue.venue import Venue


@dataclass(frozen=True)
class VenueInfo:
    """A line of the list of presets.

    Attributes
    ----------
    name, title, contract : str
        The kinds of contract of its markets, as in "linear, inverse".
    markets : tuple of str
    date : str
        Date that the file describes.
    status : str
        Number of values of each status, as in "7 official, 2 third-party".
    missing : tuple of str
        Values that a skeleton lacks; empty for a complete preset.
    """

    name: str
    title: str
    markets: tuple[str, ...]
    status: str
    date: str
    contract: str
    missing: tuple[str, ...] = ()


def list_venues() -> list[VenueInfo]:
    """The presets, in the order of their names."""
    infos = []
    for path in sorted(PRESETS.glob("*.toml")):
        file = VenueFile(path)
        raise_if(file.problems)
        counts = Counter(value.status for value in [*file.rules, *map(file.tiers_value, file.markets)])
        status = ", ".join(f"{counts[word]} {word}" for word in STATUSES if counts[word])
        infos.append(
            VenueInfo(path.stem, file.title, tuple(file.markets), status, file.date, _contracts(file), file.missing)
        )
    return infos


def _contracts(file: VenueFile) -> str:
    return ", ".join(dict.fromkeys(map(file.contract_of, file.markets)))


def markets_of(name_or_path: str | Path) -> tuple[str, ...]:
    """Names of the markets of a preset or a venue file; errors as `load_venue`."""
    return tuple(VenueFile(_path(name_or_path)).markets)


def _path(name_or_path: str | Path) -> Path:
    """The file of a venue.

    Raises
    ------
    InputError
        If there is none; names the nearest preset.
    """
    presets = sorted(path.stem for path in PRESETS.glob("*.toml"))
    path = path_of(name_or_path, "venue")
    if str(name_or_path) in presets:
        return PRESETS / f"{name_or_path}.toml"
    if not os.path.exists(path):
        named = path.suffix or len(path.parts) > 1  # as no preset is
        expected = "a file, and there is none here" if named else f"the path of a file, or {one_of(path.stem, presets)}"
        raise InputError(Problem("venue", expected, value=str(name_or_path)))
    return path


def _missing(file: VenueFile) -> Iterator[str]:
    """What the venue does and the model does not, as notes."""
    for one in file.practice:
        if one.status == "missing":
            yield f"{one.venue} {one.model}"


def load_venue(name_or_path: str | Path, market: str | None = None) -> Venue:
    """Load a preset by its name, or a venue file by its path.

    It has the venue's own rules, as far as they are modelled: docs/venues.md lists what is modelled, assumed and
    missing. `Venue.simplified` is the venue with the rules of part I alone.

    Parameters
    ----------
    name_or_path : str or Path
    market : str, optional
        Optional if the file has one market.

    Returns
    -------
    Venue

    Warns
    -----
    UserWarning
        If the file is a skeleton; the notes of the venue then start with the missing values.

    Raises
    ------
    InputError
        If the name or market is unknown (lists the known ones and the nearest), the file is unreadable, or keys or
        values are wrong.
    """
    file = VenueFile(_path(name_or_path))
    if market is None and len(file.markets) == 1:
        (market,) = file.markets
    if market is None or not is_word(market, file.markets):
        alike = [] if market is None else spellings_of(str(market), file.markets)
        expected = (
            f"one of those that it may be: {', '.join(alike)}" if len(alike) > 1 else one_of(market, file.markets)
        )
        missing = Problem(file.where, expected, column="market", value=market)
        raise InputError([*file.problems, *([missing] if file.markets else [])])
    tiers = tuple(Tier(*row) for row in file.tiers(market))
    problems = file.problems
    try:
        venue = Venue(
            name=file.name,
            tiers=tiers,
            market=market,
            contract=file.contract_of(market),
            figures=(*file.rules, file.tiers_value(market)),
            title=file.title,
            notes=(*(f"Missing: {text}" for text in file.missing), *file.notes, *_missing(file)),
            **{rule.name: rule.value for rule in file.rules if rule.value is not None},
        )
    except InputError as error:
        # malformed rows have already been reported
        others = [p for p in error.problems if tiers or p.column != "tiers"]
        raise InputError(problems + [replace(p, where=file.where) for p in others]) from None
    raise_if(problems)
    if file.missing:
        warn(f"venue {file.name} is a skeleton; missing: {'; '.join(file.missing)}")
    return venue
