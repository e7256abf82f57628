"""A scenario: one TOML file that defines a run completely.

    name = "mine"
    seed = 7

    [run]           paths, horizon or days, step; gap or delay, jump_gap; error = "full" and redraws; tail; tolerance
    [venue]         preset or file, market; rules to change
    [population]    mix, accounts, open_interest, any parameter of the mix   or [book] with a file of positions
    [prices]        model and parameters; or "replay" and bars; or calibrate = "bars.csv"
    [depth]         usd or oi_share within width; without this table depth is infinite
    [fund]          initial, alphas; over days income_per_day, cap, sweep
    [layers.vault]  capital, floor, cap of a layer of the waterfall; of [layers.fund] a cap
    [funding]       interval, rate
    [events]        outages, stale, bad_ticks
    [designs.NAME]  other keys of [venue] and [fund], for `stress.adl_designs`

An error lists all problems of a scenario at once. Paths of files are relative to the folder of the scenario; those of
an override (`--set book.file=positions.csv`), to the current folder.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from stress.adjustments import Adjustment
from stress.arguments import path_of
from stress.book.book import Book
from stress.book.population import PopulationSpec
from stress.book.start import start_price
from stress.engine.renewal import DAY
from stress.errors import InputError, Problem, raise_if
from stress.files import documents
from stress.scenario import lateness, limits, sampling
from stress.scenario.built import Built
from stress.scenario.calibrated import BuiltPrices, Start, anywhere, as_they_are, refits, start_of
from stress.scenario.caveats import notes
from stress.scenario.circumstances import CIRCUMSTANCES, EventsTable, FundingTable, LayersTable
from stress.scenario.designs import DesignsTable
from stress.scenario.files import among, digests, paths_of
from stress.scenario.gather import gather
from stress.scenario.overrides import set_key
from stress.scenario.tables import (
    TABLES,
    BookTable,
    DepthTable,
    FundTable,
    Head,
    PopulationTable,
    PricesTable,
    RunTable,
    problems_of,
)
from stress.scenario.venue_table import VenueTable
from stress.venue.depth import Depth
from stress.venue.venue import Venue

T = TypeVar("T")
OPTIONAL = ("population", "book", "depth", *CIRCUMSTANCES, "designs")  # tables that "none" removes


@dataclass(frozen=True)
class Scenario:
    """A scenario, read and checked.

    Attributes
    ----------
    name : str
    seed : int
    run, venue, population, book, prices, depth, fund, layers, funding, events, designs
        The tables of the file; population or book, and those from depth on but the fund, may be None.
    where : str
        Name of the scenario in messages.
    files : dict of str to Path
        Paths of the files that it names, by dotted key.
    overridden : frozenset of str
        Dotted keys whose values are not from the file.
    """

    name: str
    seed: int
    run: RunTable
    venue: VenueTable
    population: PopulationTable | None
    book: BookTable | None
    prices: PricesTable
    depth: DepthTable | None
    fund: FundTable
    layers: LayersTable | None
    funding: FundingTable | None
    events: EventsTable | None
    designs: DesignsTable | None
    where: str
    files: Mapping[str, Path]
    overridden: frozenset[str] = frozenset()

    @classmethod
    def load(cls, path: str | Path, overrides: Iterable[str] = ()) -> Scenario:
        """Read a scenario file.

        Parameters
        ----------
        path : str or Path
        overrides : iterable of str
            "section.key=value"; the value is TOML, or plain text.

        Returns
        -------
        Scenario

        Raises
        ------
        InputError
            Lists every problem, by file and dotted key.
        """
        path = path_of(path, "scenario")
        if isinstance(overrides, (str, bytes)) or not isinstance(overrides, Iterable):
            expected = "a list of text, section.key=value"
            raise InputError(Problem("scenario", expected, column="overrides", value=overrides))
        raw = documents.read_toml(path)
        raw.setdefault("name", path.stem)
        changed = frozenset(set_key(raw, text) for text in overrides)
        return cls.parse(raw, path.name, path.parent, changed)

    @classmethod
    def parse(
        cls,
        raw: dict[str, Any],
        where: str,
        folder: Path,
        overridden: frozenset[str] = frozenset(),
        files: Mapping[str, Path] | None = None,
    ) -> Scenario:
        """Make a scenario from the tables of its file.

        Parameters
        ----------
        raw : dict
            Parsed TOML.
        where : str
            Name of the scenario in messages.
        folder : Path
            Folder that paths of files are relative to; those of overridden keys are relative to the current folder.
        overridden : frozenset of str
            Dotted keys whose values are not from the file.
        files : mapping of str to Path, optional
            Paths of files that have moved, by dotted key.

        Returns
        -------
        Scenario

        Raises
        ------
        InputError
            Lists every problem, by file and dotted key.
        """
        raw = {key: value for key, value in raw.items() if not (key in OPTIONAL and value == "none")}
        head = {key: value for key, value in raw.items() if key not in TABLES}
        problems: list[Problem] = []
        tables: dict[str, Any] = dict.fromkeys(TABLES)
        try:
            top = Head.model_validate(head)
        except ValidationError as error:
            problems += problems_of(error, where, (), [*Head.known(), *TABLES])
            top = Head(name="unnamed")
        for key, table in TABLES.items():
            if key not in raw and key in OPTIONAL:
                continue
            try:
                tables[key] = table.model_validate(raw.get(key, {}))
            except ValidationError as error:
                if key in raw:
                    problems += problems_of(error, where, (key,), table.known())
                else:
                    problems.append(Problem(where, f"this table, [{key}]", column=key))
        if tables["run"] is not None:
            problems += lateness.problems_of_run(tables["run"], where) + sampling.problems_of_run(tables["run"], where)
        if ("population" in raw) == ("book" in raw):
            problems.append(Problem(where, "exactly one of [population] and [book]", column="population"))
        paths = paths_of(raw, folder, overridden, where, problems)
        scenario = cls(
            top.name, top.seed, **tables, where=where, files={**paths, **(files or {})}, overridden=overridden
        )
        problems = [replace(p, where=scenario._place(p.column)) for p in problems]
        scenario._check_objects(problems)
        return scenario

    @cached_property
    def venue_object(self) -> Venue:
        """The venue, with the rules that the scenario changes."""
        return self._placed("venue", lambda: self.venue.build(self.files.get("venue.file")))

    @property
    def left_out(self) -> tuple[Adjustment, ...]:
        """Keys of [venue] that do nothing, since the scenario turns the rule off that they belong to."""
        return tuple(self.venue.left_out(self.where))

    @cached_property
    def spec(self) -> PopulationSpec | None:
        """Parameters of the population; None if the scenario has a file of positions."""
        table = self.population
        if table is None:
            return None
        return self._placed("population", lambda: table.build(self.files.get("population.mix")))

    @cached_property
    def depth_object(self) -> Depth | None:
        """Depth of the order book; None if infinite."""
        return None if self.depth is None else self._placed("depth", self.depth.build)

    @cached_property
    def circumstances(self) -> dict[str, Any]:
        """Layers of cash, funding and events, those that the scenario has, as `stress.simulate` takes them."""
        problems: list[Problem] = []
        made = {
            name: gather(problems, partial(self._placed, name, table.build))
            for name, table in self._circumstance_tables.items()
        }
        raise_if(problems)
        return made

    @property
    def _circumstance_tables(self) -> dict[str, Any]:
        return {name: table for name in CIRCUMSTANCES if (table := getattr(self, name)) is not None}

    @cached_property
    def price_model(self) -> BuiltPrices:
        """The price model, and the table [prices] with every parameter; reads bars if the model needs them."""
        bars, calibration = self.files.get("prices.bars"), self.files.get("prices.calibrate")
        problems: list[Problem] = []
        start = as_they_are if self.book is None or "s0" in self.prices.parameters else self._start(problems)
        prices = gather(problems, lambda: self._placed("prices", lambda: self.prices.build(bars, calibration, start)))
        raise_if(problems)
        assert prices is not None
        return prices

    def _start(self, problems: list[Problem]) -> Start:
        """Prices that do not say s0 start where the positions of the file are; problems of these are appended."""
        venue, book = self.venue_object, gather(problems, lambda: self._read_book(None))
        return anywhere if book is None else lambda own: start_of(start_price(book, venue, own), own)

    @property
    def lateness(self) -> lateness.Lateness:
        """How late a fill is; reads bars if the model needs them."""
        return lateness.of_run(self.run, self.price_model[0])

    def build(self) -> Built:
        """Read all files, and make and check the design of the run.

        Returns
        -------
        Built

        Raises
        ------
        InputError
            Lists every problem of files and objects, each with its place in the scenario.
        """
        from stress.engine.prepare import prepare

        problems: list[Problem] = []
        venue = gather(problems, lambda: self.venue_object)
        model = gather(problems, lambda: self.price_model)
        depth = gather(problems, lambda: self.depth_object)
        circumstances = gather(problems, lambda: self.circumstances)
        spec = gather(problems, lambda: self.spec)
        timing = None if model is None else gather(problems, self._timing)
        book = None
        if venue is not None and model is not None and (spec is not None or self.book is not None):
            book = gather(problems, lambda: self._book(venue, model[0].s0))
        raise_if([p for i, p in enumerate(problems) if p not in problems[:i]])
        assert venue is not None
        assert model is not None
        assert timing is not None
        assert book is not None
        try:
            design = prepare(
                book, venue, model[0], fund=self.fund.initial, depth=depth, **self.lateness.of_design(),
                jump_gap=self.run.jump_gap, seed=self.seed, n_paths=timing["paths"], horizon=timing["horizon"],
                step=timing["step"], **(circumstances or {}),
                under_margin="error" if self.book is None else self.book.under_margin,
                days=self.run.days, renew=self.run.renew, tail=self.run.tail, **self.fund.between_days(),
            )  # fmt: skip
        except InputError as error:
            place = f"{self.where}, {'population' if self.book is None else 'book'}"
            raise InputError(
                [
                    self._of_run(p) if p.where == "run" else replace(p, where=f"{place}: {p.where}")
                    for p in error.problems
                ]
            ) from None
        provenance = self.price_model[1].get("provenance", {})
        delays = self.lateness.delays or ()
        is_share = depth is not None and depth.oi_share is not None
        found = notes(
            design, self.prices.model, provenance, alphas=self.fund.alphas, delays=delays, depth_is_share=is_share
        )
        done = dict.fromkeys([*self.left_out, *design.adjustments, *self.price_model.adjustments])
        return Built(design, tuple(found), delays, tuple(done))

    def resolved(self) -> dict[str, Any]:
        """The scenario as plain values, defaults included; files are named as in the scenario."""
        timing = self._timing()
        out: dict[str, Any] = {"name": self.name, "seed": self.seed}
        out["run"] = timing | self.lateness.resolved() | {"jump_gap": self.run.jump_gap}
        if self.run.error == "full":  # a run of another cost and another answer
            out["run"] |= {"error": "full", "redraws": self.run.redraws}
        if self.run.days is not None:
            out["run"] |= {"days": self.run.days, "renew": "daily"}
        out["run"] |= sampling.resolved(self.run, timing["paths"])
        out["venue"] = self.venue.resolved(self.venue_object)
        if self.population is not None and self.spec is not None:
            out["population"] = self.population.resolved(self.spec)
        if self.book is not None:
            book = self.book.model_dump(exclude_none=True)
            out["book"] = {"market": self.venue_object.market} | book
        out["prices"] = self.price_model[1]
        out["depth"] = "none" if self.depth is None else self.depth.resolved()
        between = {name: getattr(self.fund, name) for name in ("income_per_day", "cap", "sweep")}
        out["fund"] = {"initial": self.fund.initial, "alphas": list(self.fund.alphas)}
        out["fund"] |= {name: value for name, value in between.items() if value not in (None, 0.0, math.inf)}
        found = {name: table.resolved() for name, table in self._circumstance_tables.items()}
        if self.designs is not None:
            found["designs"] = self.designs.designs
        return out | {name: values for name, values in found.items() if values}

    @cached_property
    def inputs(self) -> dict[str, dict[str, str]]:
        """Path and SHA-256 of every file that the scenario names, by dotted key.

        Raises
        ------
        InputError
            For every file that is unreadable.
        """
        from stress.prices import parameters

        files = digests(self.files, self._place)
        if "prices.calibrate" in files and "bars" in parameters(self.prices.model):
            files.setdefault("prices.bars", files["prices.calibrate"])  # the model resamples what it was fitted to
        return files

    @cached_property
    def hash(self) -> str:
        """SHA-256 of its values and of the contents of its files (64 hex digits); paths have no influence."""
        values = self.resolved()
        values.pop("designs", None)
        values["venue"] = self.venue.in_force(self.venue_object)
        for key, file in self.inputs.items():
            section, name = key.split(".")
            if name in values[section]:
                values[section][name] = file["sha256"]
        values["tiers"] = self.venue_object.describe()["tiers"]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def calibration_redraws(self) -> tuple[dict[str, Any], ...]:
        """Parameters of the prices fitted with one period of the bars of `calibrate` left out at a time."""
        table, bars = self.prices, self.files["prices.calibrate"]
        return self._placed("prices", lambda: refits(table.model, table.parameters, bars, table.time_format))

    def _timing(self) -> dict[str, Any]:
        """Paths, horizon and step; a replay is one path with its own horizon, and bars fix the step."""
        from stress.engine.prepare import timing

        run = self.run
        wanted = run.horizon if run.days is None else run.days * DAY
        paths, horizon, step, problems = timing(self.price_model[0], run.paths, wanted, run.step)
        if run.horizon not in (None, wanted):
            expected = f"no horizon beside days, which are the horizon; or {run.days}d"
            problems.append(Problem("run", expected, column="horizon", value=run.horizon))
        problems += sampling.problems_of_growth(run, self.price_model[0], paths, horizon / step)
        raise_if([self._of_run(problem) for problem in problems])
        self._check_work(paths, horizon / step)
        return {"paths": paths, "horizon": float(horizon), "step": float(step)}

    def _of_run(self, problem: Problem) -> Problem:
        """A problem of a run, attributed to the key of the scenario that causes it."""
        names = {"s0": "prices.s0", "fund": "fund.initial", "seed": "seed", "n_paths": "run.paths", "events": "events"}
        names |= {"income_per_day": "fund.income_per_day", "fund_cap": "fund.cap", "sweep": "fund.sweep"}
        names |= {rule: f"venue.{rule}" for rule in ("carrier", "waterfall")}
        column = str(problem.column)
        own = column.partition(".")[0] in CIRCUMSTANCES
        key = names.get(column, column if own else f"run.{column}")
        return replace(problem, where=self._place(key), column=key)

    def _check_work(self, paths: float, steps: float) -> None:
        """Raise an error for runs that no machine finishes in a day or holds in memory."""
        if (found := limits.problem(paths, steps)) is not None:
            key = f"run.{found.column}"
            value = getattr(self.run, str(found.column))
            raise InputError(replace(found, where=self._place(key), column=key, value=value))

    def _book(self, venue: Venue, price: float) -> Book:
        return self.draw_book(venue, price, self.population_seed) if self.book is None else self._read_book(price)

    def _read_book(self, price: float | None) -> Book:
        """The positions of the file; `price` is their mark where neither they nor the scenario say one."""
        table, market = self.book, self.venue_object.market or None
        assert table is not None
        file, mark = self.files["book.file"], table.mark_price
        options: dict[str, Any] = {"imbalance": table.imbalance, "mark_price": mark or price, "decimal": table.decimal}
        options["contract"] = self.venue_object.contract
        book = self._placed("book", lambda: Book.read(file, table.market or market, **options))
        return book if mark is None or book.mark_price is not None else book.marked(mark)

    @property
    def population_seed(self) -> int:
        """Seed of the population; without one, that of a book that is given plays no part."""
        return 0 if self.population is None else self.population.seed

    def draw_book(self, venue: Venue, price: float, seed: int) -> Book:
        """A crowd of the population at a price, USD per coin, drawn with a seed."""
        of_population, spec = self.population, self.spec
        assert of_population is not None
        assert spec is not None

        def draw() -> Book:
            from stress.prices import read_bars

            path = self.files.get("population.bars")
            bars = None if path is None else read_bars(path, of_population.time_format)
            return Book.sample(spec, venue=venue, price=price, seed=seed, bars=bars)

        return self._placed("population", draw)

    def _place(self, column: str | None) -> str:
        """Name of the source of a key in messages."""
        if column is None:
            return self.where
        unknown = column not in TABLES and any(key.startswith(f"{column}.") for key in self.overridden)
        return "--set" if unknown or among(column, self.overridden) else self.where

    def _placed(self, section: str, make: Callable[[], T]) -> T:
        """Make the object of a table; its problems get their place in the scenario."""
        try:
            return make()
        except InputError as error:
            keys = TABLES[section].known()
            files = {path.name for key, path in self.files.items() if key.startswith(f"{section}.")}
            problems = []
            for p in error.problems:
                whole = p.where == section and p.column is None
                of_file = (
                    p.where in files and p.value is None
                )  # a file lacks something; a problem with a value belongs to the key
                if p.row is None and not of_file and (p.where == section or p.column in keys):
                    key = "venue.preset" if whole and section == "venue" and p.value is not None else section
                    column = key if p.column is None else f"{section}.{p.column}"
                    problems.append(replace(p, where=self._place(column), column=column))
                else:
                    problems.append(replace(p, where=f"{self.where}, {section}: {p.where}"))
            raise InputError(problems) from None

    def _check_objects(self, problems: list[Problem]) -> None:
        """Raise the problems of the tables, and those of the objects that need no file of data."""
        if self.venue is not None:
            gather(problems, lambda: self.venue_object)
        if self.population is not None:
            gather(problems, lambda: self.spec)
        if self.depth is not None:
            gather(problems, lambda: self.depth_object)
        gather(problems, lambda: self.circumstances)
        if self.prices is not None and not {"prices.bars", "prices.calibrate"} & set(self.files):
            start = as_they_are if self.book is None else anywhere  # the file of positions is not read yet
            gather(problems, lambda: self._placed("prices", lambda: self.prices.build(None, None, start)))
        if self.designs is not None and not problems:
            problems += [replace(p, where=self._place(p.column)) for p in self.designs.problems(self)]
        raise_if(problems)


def load_scenario(path: str | Path, overrides: Iterable[str] = ()) -> Scenario:
    """Read a scenario file from a path, with overrides "section.key=value"; see `Scenario.load`."""
    return Scenario.load(path, overrides)


def as_scenario(scenario: Any, where: str = "scenario") -> Scenario:
    """A scenario, given or by its file.

    Raises
    ------
    InputError
        If it is neither a scenario nor a path, and as `Scenario.load`; `where` names the caller.
    """
    if isinstance(scenario, (str, PathLike)):
        return Scenario.load(path_of(scenario, where))
    if not isinstance(scenario, Scenario):
        raise InputError(Problem(where, "a stress.Scenario, or the path of its file", value=scenario))
    return scenario
