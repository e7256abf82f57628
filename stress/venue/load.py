"""Venues by name or from a file: the presets that come with the package, and a person's own."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from stress.errors import InputError, Problem, raise_if
from stress.venue.file import PRESETS, STATUSES, VenueFile
from stress.venue.values import one_of
from stress.venue.venue import Tier, Venue


@dataclass(frozen=True)
class VenueInfo:
    """A line of the list of presets.

    Attributes
    ----------
    name, title, contract : str
    markets : tuple of str
    date : str
        As of when the file speaks.
    status : str
        How many figures have which status, as in "7 official, 2 third-party".
    missing : tuple of str
        What a skeleton lacks; empty for a whole preset.
    """

    name: str
    title: str
    markets: tuple[str, ...]
    status: str
    date: str
    contract: str
    missing: tuple[str, ...] = ()


def list_venues() -> list[VenueInfo]:
    """The presets, by name."""
    infos = []
    for path in sorted(PRESETS.glob("*.toml")):
        file = VenueFile(path)
        raise_if(file.problems)
        counts = Counter(figure.status for figure in [*file.rules, *map(file.tiers_figure, file.markets)])
        status = ", ".join(f"{counts[word]} {word}" for word in STATUSES if counts[word])
        infos.append(
            VenueInfo(path.stem, file.title, tuple(file.markets), status, file.date, file.contract, file.missing)
        )
    return infos


def load_venue(name_or_path: str | Path, market: str | None = None) -> Venue:
    """A preset by its name, or a venue file by its path.

    Parameters
    ----------
    name_or_path : str or Path
    market : str, optional
        May be left out where the file has one market.

    Warns
    -----
    UserWarning
        The file is a skeleton; its notes then start with what is missing.

    Raises
    ------
    InputError
        Unknown name or market (with the known ones and the nearest), unreadable file, wrong keys or figures.
    """
    presets = sorted(path.stem for path in PRESETS.glob("*.toml"))
    path = Path(name_or_path)
    if str(name_or_path) in presets:
        path = PRESETS / f"{name_or_path}.toml"
    elif not path.is_file():
        expected = f"the path of a TOML file, or {one_of(path.stem, presets)}"
        raise InputError(Problem("venue", expected, value=str(name_or_path)))
    file = VenueFile(path)
    if market is None and len(file.markets) == 1:
        (market,) = file.markets
    if market is None or market not in file.markets:
        missing = Problem(file.where, one_of(market, file.markets), column="market", value=market)
        raise InputError([*file.problems, *([missing] if file.markets else [])])
    tiers = tuple(Tier(*row) for row in file.tiers(market))
    problems = file.problems
    try:
        venue = Venue(
            name=file.name,
            tiers=tiers,
            market=market,
            contract=file.contract,
            figures=(*file.rules, file.tiers_figure(market)),
            title=file.title,
            notes=(*(f"Missing: {text}" for text in file.missing), *file.notes),
            **{figure.name: figure.value for figure in file.rules if figure.value is not None},
        )
    except InputError as error:
        # rows that could not be read are reported with their reason already
        found = [p for p in error.problems if tiers or p.column != "tiers"]
        raise InputError(problems + [replace(p, where=file.where) for p in found]) from None
    raise_if(problems)
    if file.missing:
        warnings.warn(f"venue {file.name} is a skeleton; missing: {'; '.join(file.missing)}", stacklevel=2)
    return venue
