"""The tables of a scenario file: their keys, and the objects that they define.

Keys with a rule of their own (a share, a duration) are checked by their type (`stress.scenario.values`), parameters of
an object by that object.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from stress import quantities, schema
from stress.adjustments import Adjustment
from stress.book.population import PopulationSpec
from stress.errors import InputError, Problem, raise_if
from stress.scenario.calibrated import BuiltPrices, Start, as_they_are, fitted, own_start
from stress.scenario.circumstances import CIRCUMSTANCES, LayerTable
from stress.scenario.designs import DesignsTable
from stress.scenario.table import Table
from stress.scenario.values import (
    Delay,
    Duration,
    FiniteDuration,
    MostPaths,
    Name,
    Number,
    Optional,
    Paths,
    Price,
    Probability,
    Redraws,
    Schedule,
    Seed,
    Share,
    Tail,
    Tolerance,
    Window,
    rule,
)
from stress.scenario.venue_table import VenueTable
from stress.venue.depth import Depth
from stress.venue.values import one_of


class Head(Table):
    """Keys above the tables."""

    name: Name
    seed: Seed = 0


class RunTable(Table):
    """[run]; defaults of `paths`, `horizon` and `step` are 10,000, a day and a minute, or those of a replay.

    One of `gap`, `delay` and `delays` says how late a fill is in a continuous move (`stress.scenario.lateness`).
    With `days` each day begins with a fresh book (`stress.engine.renewal`); the horizon is theirs.
    With error = "full" books and price parameters are redrawn, `redraws` times each (`stress.scenario.redraws`).
    `tail`, `tolerance` and `max_paths` say how paths are drawn, and how many (`stress.scenario.sampling`).
    """

    paths: Paths | None = None
    horizon: FiniteDuration | None = None
    step: FiniteDuration | None = None
    gap: Share | None = None
    delay: Delay | None = None
    delays: Annotated[
        tuple[Delay, ...] | None, Field(strict=False), rule(lambda x: x is None or len(x) > 0, "at least one duration")
    ] = None
    jump_gap: Share = 1.0
    days: Paths | None = None
    renew: Literal["daily"] | None = None
    error: Literal["paths", "full"] = "paths"
    redraws: Redraws = 24
    tail: Tail = None
    tolerance: Tolerance = None
    max_paths: MostPaths = None


class BookTable(Table):
    """[book]: a file of positions; the default of `market` is the venue's."""

    file: str
    market: str | None = None
    imbalance: Literal["error", "outside", "scale"] = "error"
    under_margin: Literal["error", "liquidate", "drop"] = "error"
    mark_price: Price | None = None
    decimal: Literal[".", ","] | None = None


class DepthTable(Table):
    """[depth]; without the table, or with depth = "none", depth is infinite."""

    setting: str | None = None
    usd: Optional = None
    oi_share: Optional = None
    width: Number = Field(default=Depth.width)
    exponent: Number = Field(default=Depth.exponent)
    half_life: Duration = Field(default=Depth.half_life)
    passthrough: Number = Field(default=Depth.passthrough)
    max_displacement: Number = Field(default=Depth.max_displacement)
    window: Window = Field(default=Depth.window)
    scale: Optional = None
    power: Number = Field(default=Depth.power)
    schedule: Schedule = Field(default_factory=list)

    def build(self) -> Depth:
        """Make the depth of the order book: the setting, if there is one, with the keys that are given."""
        given = {name: getattr(self, name) for name in self.model_fields_set if name != "setting"}
        return Depth(**given) if self.setting is None else Depth.load(self.setting, **given)

    def resolved(self) -> dict[str, Any]:
        """The table with all defaults, without the keys that are off."""
        named = {} if self.setting is None else {"setting": self.setting}
        return named | {k: "inf" if v == math.inf else v for k, v in self.build().describe().items()}


class FundTable(Table):
    """[fund]: its initial balance (USD), and the probabilities of depletion that it is sized for.

    Of a run of days: what is paid in each day, what it may hold at most, and the share of a day's gain that is taken
    out.
    """

    initial: Annotated[Number, rule(lambda x: 0 <= x < math.inf, "USD, 0 or more")]
    alphas: Annotated[
        tuple[Probability, ...], Field(strict=False), rule(lambda x: len(x) > 0, "at least one probability")
    ] = (0.01, 0.001)
    income_per_day: Optional = None
    cap: Optional = None
    sweep: Optional = None

    def between_days(self) -> dict[str, Any]:
        """What happens to the fund between days, as arguments of `stress.simulate`."""
        return {"income_per_day": self.income_per_day, "fund_cap": self.cap, "sweep": self.sweep}


class OpenTable(Table):
    """A table whose other keys are parameters of the object that it defines."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    @property
    def parameters(self) -> dict[str, Any]:
        """The keys that are parameters of the object, with their values; "bars" is the name of a file."""
        return {k: v if k == "bars" else quantities.numbers(v) for k, v in (self.model_extra or {}).items()}


POPULATION_SEED = 1  # of the crowd; not the seed of the prices, so that --seed leaves the crowd alone


class PopulationTable(OpenTable):
    """[population]: a mix, and any parameter of `stress.PopulationSpec`; `time_format` is that of `bars`.

    `seed` is that of the crowd alone: the seed of the run redraws prices and leaves the book as it is.
    """

    mix: str
    bars: str | None = None
    time_format: str | None = None
    seed: Seed = POPULATION_SEED

    @classmethod
    def known(cls) -> list[str]:
        """Names of the keys of the table, those of the population included."""
        return [*cls.model_fields, *(k for k in PopulationSpec.model_fields if k not in ("name", "sources"))]

    def build(self, mix_file: Path | None) -> PopulationSpec:
        """Make the spec; a parameter whose value is that of the mix keeps its source.

        Parameters
        ----------
        mix_file : Path or None
            Of the mix; None for a mix of the package.
        """
        mix = str(mix_file or self.mix)
        own = PopulationSpec.load(mix, accounts=100_000_000, open_interest=1.0)
        known = self.known()
        parameters = {
            k: v
            for k, v in self.parameters.items()
            if k in known and (k in ("accounts", "open_interest") or _weights(k, v) != getattr(own, k, None))
        }
        bars = None if self.bars is None else Path(self.bars)
        problems = _format_without_bars("population", self.time_format, bars)
        problems += [
            Problem("population", unknown_key(k, known, "population"), column=k)
            for k in self.parameters
            if k not in known
        ]
        try:
            spec = PopulationSpec.load(mix, **parameters)
        except InputError as error:
            raise InputError([*problems, *error.problems]) from None
        raise_if(problems)
        return spec

    def resolved(self, spec: PopulationSpec) -> dict[str, Any]:
        """The table with all parameters of the population."""
        parameters = spec.model_dump(exclude={"name", "sources"}, exclude_none=True)
        parameters["leverage"] = {f"{k:.12g}": v for k, v in parameters["leverage"].items()}
        head = {
            "mix": self.mix,
            "bars": self.bars,
            "time_format": self.time_format,
            "seed": self.seed,
        }
        return {k: v for k, v in head.items() if v is not None} | parameters | self.parameters


def _weights(name: str, value: Any) -> Any:
    """Convert a parameter to its form in the spec: keys of `leverage` in a file are text."""
    if name != "leverage" or not isinstance(value, dict):
        return value
    try:
        return {float(quantities.number(k)): v for k, v in value.items()}
    except ValueError:
        return value


def _sizing(value: Any) -> Any:
    """True, false, or the record of a verdict, checked key by key."""
    if isinstance(value, dict):
        numbers = {k: v for k, v in value.items() if k in ("probability", "days", "independent_days")}
        right = all(isinstance(v, (int, float)) and not isinstance(v, bool) and v > 0 for v in numbers.values())
        probability = value.get("probability", 0.5)
        if (
            isinstance(value.get("fit"), bool)
            and right
            and probability < 1
            and ("probability" in value or not value["fit"])
        ):
            return value
    if value is None or isinstance(value, bool):
        return value
    expected = (
        "true or false, or a record of `fit` (true or false) and, if it is, the smallest `probability` it supports"
    )
    raise PydanticCustomError("expected", "{expected}", {"expected": expected})


class ProvenanceTable(OpenTable):
    """[prices.provenance]: what is known about the parameters; keys that are not listed here are kept as they are.

    `fit_for_sizing` is the record of a verdict, see `stress.prices.calibration.verdict`, or the bool of older files,
    which had no smallest probability.
    """

    fit_for_sizing: Annotated[Any, BeforeValidator(_sizing)] = None
    reasons: tuple[str, ...] | None = Field(default=None, strict=False)
    notes: tuple[str, ...] | None = Field(default=None, strict=False)
    jump_gap: Annotated[
        tuple[Share, ...] | None,
        Field(strict=False),
        rule(lambda x: x is None or (len(x) == 2 and x[0] <= x[1]), "two shares from 0 to 1, the smaller one first"),
    ] = None

    def values(self) -> dict[str, Any]:
        """The keys of the file, with lists."""
        given = self.model_dump(exclude_unset=True)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}


class PricesTable(OpenTable):
    """[prices]: a model and its parameters, or `calibrate` and a file of bars that they are fitted to.

    `time_format` is that of the file of bars.
    """

    model: str
    calibrate: str | None = None
    time_format: str | None = None
    provenance: ProvenanceTable = Field(default_factory=ProvenanceTable)

    def build(self, bars: Path | None, calibration: Path | None, start: Start = as_they_are) -> BuiltPrices:
        """Make the price model.

        Parameters
        ----------
        bars, calibration : Path or None
            Of the bars of a replay or bootstrap, and of the bars to calibrate to.
        start : callable
            What the prices start from where there is no s0, see `stress.scenario.calibrated.Start`.

        Raises
        ------
        InputError
            Lists every parameter that is unknown, missing or wrong.
        """
        from stress.prices import MODELS, make, parameters, read_bars

        if self.model not in MODELS:
            raise InputError(Problem("prices", one_of(self.model, MODELS), column="model", value=self.model))
        given, provenance = self.parameters, self.provenance.values()
        known, done = parameters(self.model), tuple[Adjustment, ...]()
        if calibration is not None:
            given, found, done = fitted(self.model, given, calibration, self.time_format, start)
            provenance = found | provenance
            bars = bars or (calibration if "bars" in known else None)
        problems = _format_without_bars("prices", self.time_format, bars or calibration)
        problems += [
            Problem("prices", f"a parameter of {self.model}, {one_of(key, known)}", column=key)
            for key in given
            if key not in known
        ]
        if "bars" in known and bars is None:
            problems.append(Problem("prices", "a file of bars, named here or by --set prices.bars=FILE", column="bars"))
        elif "bars" in known and bars is not None:
            given = given | {"bars": read_bars(bars, self.time_format)}
        if "s0" in known and "s0" not in given and not problems:
            chosen, said = start(own_start(self.model, given))
            given, done = given | chosen, (*done, *said)
        try:
            model = make(self.model, **{k: v for k, v in given.items() if k in known})
        except InputError as error:
            reported = {p.column for p in problems}
            raise InputError([*problems, *(p for p in error.problems if p.column not in reported)]) from None
        raise_if(problems)
        defaults = {
            name: p.default
            for name, p in inspect.signature(MODELS[self.model]).parameters.items()
            if p.default is not p.empty and p.default is not None
        }
        values = defaults | given | {"s0": model.s0}
        if "bars" in known:
            values |= {"bars": self.parameters.get("bars", self.calibrate)}
            values |= {} if self.time_format is None else {"time_format": self.time_format}
        table = {"model": self.model} | values | ({"provenance": provenance} if provenance else {})
        return BuiltPrices(model, table, done)


def _format_without_bars(section: str, time_format: str | None, bars: Path | None) -> list[Problem]:
    """A time format is only for a file of bars."""
    if time_format is None or bars is not None:
        return []
    return [Problem(section, "no time format, since no file of bars is read", column="time_format", value=time_format)]


TABLES: dict[str, type[Table]] = {
    "run": RunTable,
    "venue": VenueTable,
    "population": PopulationTable,
    "book": BookTable,
    "prices": PricesTable,
    "depth": DepthTable,
    "fund": FundTable,
    **CIRCUMSTANCES,
    "designs": DesignsTable,
}


def unknown_key(key: str, known: Iterable[str], own: str = "") -> str:
    """Suggestion for an unknown key: another table that has it, or the nearest known key.

    Parameters
    ----------
    key : str
    known : iterable of str
        Keys of the table.
    own : str
        Name of the table.
    """
    others = [name for name, table in TABLES.items() if name != own and key in table.known()]
    if others:
        return f"this key in [{others[0]}]"
    return f"a known key, {one_of(key, known)}"


def problems_of(error: ValidationError, where: str, prefix: tuple[str, ...], known: Iterable[str]) -> list[Problem]:
    """Convert the errors of pydantic to problems.

    Parameters
    ----------
    error : ValidationError
    where : str
        Name of the file or object in messages.
    prefix : tuple of str
        Names of the tables that the keys are in.
    known : iterable of str
        Keys of that table, to suggest the nearest for an unknown one.
    """
    own = prefix[-1] if prefix else ""
    inside = LayerTable.known() if own == "layers" else known
    return schema.problems_of(
        error, where, prefix, lambda key: unknown_key(key[-1], known if len(key) == 1 else inside, own)
    )
