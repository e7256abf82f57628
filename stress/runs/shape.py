"""What the files of a run directory must be, to be read: keys of documents, columns of tables, and how they agree.

A directory may be damaged, and it may come from anybody. What passes here is shown and computed with; what does not is
refused by the name of its file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stress.book import classes
from stress.engine.blocks import CELL_ROW, FAN_PATHS
from stress.engine.renewal import DAY_ROW, MOST_DAYS
from stress.errors import InputError, Problem, raise_if
from stress.kernels.path.records import CHECKPOINTS
from stress.results import mechanics, more_columns
from stress.results.result import PATH_COLUMNS
from stress.scenario.tables import problems_of
from stress.scenario.values import FiniteDuration, Paths, Price, Probability, Seed, Share, rule
from stress.venue.depth import Depth
from stress.venue.events import Events
from stress.venue.funding import Funding
from stress.venue.layer import Layer
from stress.venue.mechanics import MECHANICS
from stress.venue.rules import RULES

Digest = Annotated[str, rule(lambda s: len(s) == 64 and set(s) <= set("0123456789abcdef"), "a SHA-256 in hex")]
Time = Annotated[str, Field(pattern=r"^[0-9T:+.Z-]{10,40}$")]
Amount = Annotated[float, rule(lambda x: 0 <= x < np.inf, "a finite number, 0 or more")]
Fund = Annotated[float, rule(lambda x: x >= 0, "USD, 0 or more")]
Above = Annotated[float, rule(lambda x: 0 < x < np.inf, "a finite number above 0")]
OF_DEPTH = {"usd", "width", "exponent", "half_life", "passthrough", "max_displacement"}  # others, where they are used
LARGEST = 1e100  # no number of a table is larger, so that sums and products are finite
LogJump = Annotated[float, rule(lambda x: 0 <= x < 700, "a jump in log price")]


class Document(BaseModel):
    """Keys that are needed of a document; others are left alone."""

    model_config = ConfigDict(strict=True)


class Input(Document):
    """A file that a scenario reads."""

    path: str
    sha256: Digest


Inputs = dict[Annotated[str, Field(pattern=r"^[a-z]+\.[a-z]+$")], Input]


class AdjustmentRecord(Document):
    """What was done to an input, `stress.adjustments.Adjustment`."""

    model_config = ConfigDict(strict=True, extra="forbid")

    where: str
    what: str
    rule: str
    count: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(ge=0)]
    unit: str
    amount: str
    rows: list[int]


class Manifest(Document):
    """manifest.json."""

    name: str
    hash: Digest
    seed: Seed
    versions: dict[str, str]
    inputs: Inputs
    created: Time
    command: str
    warnings: list[str]
    adjustments: list[AdjustmentRecord] = []
    wall_seconds: Amount | None = None
    made_in: Literal["python"] | None = None
    files: dict[str, Digest] = {}


class ScenarioRun(Document):
    """What is printed of [run]."""

    horizon: FiniteDuration
    step: FiniteDuration
    delays: Annotated[list[Amount], Field(min_length=1)] | None = None


class ScenarioPrices(Document):
    """What is printed of [prices]."""

    provenance: dict[str, Any] = {}


class ScenarioFund(Document):
    """[fund]."""

    initial: Fund
    alphas: Annotated[list[Probability], Field(min_length=1)]


class ResolvedScenario(Document):
    """scenario.json."""

    name: str
    run: ScenarioRun
    prices: ScenarioPrices
    fund: ScenarioFund
    venue: dict[str, Any] = {}
    population: dict[str, Any] = {}
    book: dict[str, Any] = {}


class ConfigBook(Document):
    """The book of config.json."""

    positions: Paths
    market: str
    sha256: Digest
    orders: list[Literal["stop", "take_profit"]] = []
    protected: int = 0


class ConfigVenue(Document):
    """What is printed of the venue of config.json; its rules are declared in `stress.venue.rules`."""

    name: str
    title: str
    market: str
    notes: list[str]


class ConfigPrices(Document):
    """What is read of any price model in config.json."""

    model: str = ""
    s0: Price
    sigma: Amount = 0.0
    scale: Amount = 1.0


class KouPrices(ConfigPrices):
    """What is printed of the model kou."""

    intensity: Amount
    eta_up: Above
    eta_down: Above


class TailPrices(ConfigPrices):
    """What is printed of the model tail-jumps."""

    intensity_up: Amount
    intensity_down: Amount
    cap_up: LogJump
    cap_down: LogJump
    xi_up: Annotated[float, rule(np.isfinite, "a finite number")]
    xi_down: Annotated[float, rule(np.isfinite, "a finite number")]


MODELS: Mapping[str, type[ConfigPrices]] = {"kou": KouPrices, "tail-jumps": TailPrices}


class ConfigRenewal(Document):
    """The days of a run whose book is renewed each day."""

    days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    income_per_day: Amount = 0.0
    cap: Above = 1.0
    sweep: Share = 0.0


class Config(Document):
    """config.json."""

    book: ConfigBook
    venue: ConfigVenue
    prices: dict[str, Any]
    depth: dict[str, Any] | None
    paths: Paths
    steps: Paths
    step: Above
    fund: Fund
    gap: Share | None
    jump_gap: Share
    delay: Amount | None = None
    renewal: ConfigRenewal | None = None
    seed: Seed


class Description(Document):
    """What any unfinished run has in partial.json."""

    made_by: dict[str, str]


class Unfinished(Description):
    """partial.json of the run of a scenario."""

    scenario: dict[str, Any]
    where: str
    inputs: Inputs
    command: str


def check(document: Any, kind: type[Document], where: str, prefix: tuple[str, ...] = ()) -> None:
    """Refuse a document that has not the keys of its kind, by each of them.

    Raises
    ------
    InputError
    """
    try:
        kind.model_validate(document)
    except ValidationError as error:
        raise InputError(problems_of(error, where, prefix, ())) from None


def check_config(config: Any, where: str) -> None:
    """Refuse a config.json that a run does not write; errors as `check`."""
    check(config, Config, where)
    prices, depth = config["prices"], config["depth"]
    model = prices.get("model")
    check(prices, MODELS.get(model, ConfigPrices) if isinstance(model, str) else ConfigPrices, where, ("prices",))
    problems = []
    if (config["gap"] is None) == (config.get("delay") is None):
        problems.append(Problem(where, "one of gap and delay, and null for the other", column="gap"))
    on = [rule for rule in MECHANICS if rule.name in config["venue"]]
    for venue_rule in (*RULES, *on):
        value = config["venue"].get(venue_rule.name)
        known = (
            isinstance(value, str) if venue_rule.kind == "word" else venue_rule.allows(value)
        )  # a new word is shown as it is
        if not known:
            problems.append(Problem(where, venue_rule.expected(value), column=f"venue.{venue_rule.name}", value=value))
    raise_if(problems + _problems_of_circumstances(config, where))
    if config["fund"] < config["venue"]["reserve"]:
        raise InputError(Problem(where, "USD, at least the reserve of the venue", column="fund", value=config["fund"]))
    if depth is None:
        return
    keys = {field.name for field in fields(Depth)}
    falls = {"scale", "window", "power"} & set(depth)
    if not OF_DEPTH <= set(depth) <= keys or len(falls) not in (0, 3):
        expected = f"the keys {', '.join(sorted(OF_DEPTH))}, and at most {', '.join(sorted(keys - OF_DEPTH))}"
        raise InputError(Problem(where, expected, column="depth", value=", ".join(depth)))
    try:
        Depth.of_record(depth)
        if "oi_share" in depth:
            Depth(oi_share=depth["oi_share"])
    except InputError as error:
        raise InputError(
            [Problem(where, p.expected, column=f"depth.{p.column}", value=p.value) for p in error.problems]
        ) from None


def _problems_of_circumstances(config: Any, where: str) -> list[Problem]:
    """What is wrong with layers, funding and events of config.json: they are made again."""
    makers = {"funding": Funding, "events": Events}
    given = {name: (make, config[name]) for name, make in makers.items() if name in config}
    layers = config.get("layers", {})
    if not isinstance(layers, dict):
        return [Problem(where, "a table of layers", column="layers", value=layers)]
    given |= {f"layers.{name}": (Layer, layer) for name, layer in layers.items()}
    problems = []
    for name, (make, values) in given.items():
        try:
            make(**values)
        except InputError as error:
            problems += [Problem(where, p.expected, column=f"{name}.{p.column}", value=p.value) for p in error.problems]
        except TypeError:  # other keys, or no table
            problems.append(Problem(where, "a table with the keys that a run writes", column=name, value=str(values)))
    return problems


@dataclass(frozen=True)
class Column:
    """What a column of a table holds.

    kind : numpy kinds of its values: "iu" whole numbers, "iuf" numbers, "b" yes or no, "" text
    allows : which of its values are allowed, bool[n] of an array
    expected : the same in words
    """

    kind: str
    allows: Callable[[np.ndarray], np.ndarray]
    expected: str

    def problem(self, values: pd.Series, where: str) -> Problem | None:
        """The first value that is not allowed."""
        name, given = str(values.name), values.to_numpy()
        if self.kind and values.dtype.kind not in self.kind:
            numbers = pd.to_numeric(values, errors="coerce") if "f" in self.kind else pd.Series(dtype=float)
            wrong = given[numbers.isna().to_numpy()] if len(numbers) else given
            first = str(wrong[0])[:40] if len(wrong) else str(values.dtype)
            return Problem(where, self.expected, column=name, value=first)
        if not self.kind and values.isna().any():
            return Problem(where, self.expected, int(np.argmax(values.isna())) + 2, name, "no text")
        bad = np.flatnonzero(~self.allows(given))
        if not bad.size:
            return None
        first = str(given[bad[0]])[:40]
        return Problem(where, self.expected, int(bad[0]) + 2, name, first)


def _number(low: float, expected: str, high: float = LARGEST) -> Column:
    """A finite number of a range."""
    return Column("iuf", lambda x: (low <= x) & (x <= high), expected)


def _whole(low: int, high: int) -> Column:
    """A whole number of a range, with its upper end."""
    return Column("iu", lambda x: (low <= x) & (x <= high), f"a whole number from {low} to {high}")


def _words(*words: str) -> Column:
    return Column("", lambda x: np.isin(x.astype(str), words), "one of " + ", ".join(words))


TEXT = Column("", lambda x: np.ones(x.size, bool), "text")
FINITE = _number(-LARGEST, "a finite number")
AMOUNT = _number(0.0, "a finite number, 0 or more")
POSITIVE = _number(1 / LARGEST, "a finite number above 0")
BALANCE = Column("iuf", lambda x: ~np.isnan(x), "USD")
ANY = Column("iuf", lambda x: np.ones(x.size, bool), "a number")
POSITIVE_OR_NAN = Column("iuf", lambda x: np.isnan(x) | (x > 0), "a number above 0, or nan")
OR_NAN = Column("iuf", lambda x: np.isnan(x) | (x >= 0), "a number, 0 or more, or nan")
FLAG = Column("b", lambda x: np.ones(x.size, bool), "True or False")
SHARE = _number(0.0, "a share from 0 to 1", 1.0)
SHARE_OR_NAN = Column("iuf", lambda x: np.isnan(x) | ((x >= 0) & (x <= 1)), "a share from 0 to 1, or nan")
COUNTS = ("liquidated_count", "adl_count", "adl_events", "adl_seen", "longs_reached", "shorts_reached")
PARTS = ("rate", "low", "high")

REQUIRED = dict.fromkeys(("fund", "se", "low", "high"), ANY) | {
    "alpha": Column("iuf", lambda x: (x > 0) & (x < 1), "a probability above 0 and below 1"),
    "note": TEXT,
}
GAPS = dict.fromkeys(("alpha", "estimate", "se", "low", "high"), ANY) | {
    "design": TEXT, "gap": SHARE, "jump_gap": SHARE, "chosen": FLAG, "quantity": TEXT, "unit": TEXT, "note": TEXT,
}  # fmt: skip
BUDGET = dict.fromkeys(("alpha", "estimate", "low", "high", "share", "redraws"), ANY) | dict.fromkeys(
    ("quantity", "part", "note"), TEXT
)


def gap_columns(gaps: pd.DataFrame) -> dict[str, Column]:
    """Columns of gaps.csv; where there are delays, a gap is nan beside each."""
    return GAPS if "delay" not in gaps else GAPS | {"gap": SHARE_OR_NAN, "delay": OR_NAN}


def path_columns(config: Mapping[str, Any]) -> dict[str, Column]:
    """Columns of paths.csv.gz."""
    other = {"fund_end": BALANCE, "fund_low": BALANCE, "depleted": FLAG, "weight": AMOUNT}
    other |= {"depletion_step": _whole(-1, config["steps"])} | dict.fromkeys(COUNTS, _whole(0, 2**62))
    other |= dict.fromkeys(more_columns.path_columns(config), AMOUNT) | {"haircut": SHARE}
    other |= dict.fromkeys(more_columns.SIGNED, BALANCE)
    return {name: other.get(name, FINITE) for name in (*PATH_COLUMNS, *more_columns.path_columns(config))}


def position_columns(config: Mapping[str, Any], counted: bool) -> dict[str, Column]:
    """Columns of positions.csv.gz, with what was counted over paths or without."""
    columns = {
        "account": TEXT, "market": TEXT, "side": _words("long", "short"), "quantity": POSITIVE, "entry_price": POSITIVE,
        "margin": FINITE, "leverage": OR_NAN, "notional": POSITIVE, "effective_leverage": OR_NAN,
        "liquidation_price": ANY, "bankruptcy_price": ANY,
        "liquidation_rank": _whole(0, config["book"]["positions"] - 1),
    }  # fmt: skip
    columns |= dict.fromkeys(config["book"].get("orders", ()), POSITIVE_OR_NAN)
    if not counted:
        return columns
    with_adl = mechanics.has_adl(config)
    counts = ["liquidation", "bankruptcy", *(["adl"] if with_adl else []), *more_columns.rate_names(config)]
    rates = [f"{name}_{part}" for name in counts for part in PARTS] + (["adl_share"] if with_adl else [])
    grouped = {grouping.column: _whole(0, grouping.count - 1) for grouping in classes.GROUPINGS.values()}
    return columns | grouped | dict.fromkeys(rates, FINITE)


def grid_columns(config: Mapping[str, Any]) -> dict[str, Column]:
    """Columns of fund_grid.csv."""
    events = ("depleted", *(("adl",) if mechanics.has_adl(config) else ()), "residual")
    ends = (f"{name}{end}" for name in events for end in ("", "_se", "_low", "_high"))
    return {"layer": TEXT, "fund": AMOUNT, "own": FLAG} | dict.fromkeys(ends, ANY)


def check_table(table: pd.DataFrame, columns: Mapping[str, Column], where: str, rows: int | None = None) -> None:
    """Refuse a table that has other columns, other values or another length.

    Raises
    ------
    InputError
        With every column at fault.
    """
    missing = [name for name in columns if name not in table]
    other = [str(name) for name in table if name not in columns]
    problems = [Problem(where, "this column", column=name) for name in missing]
    problems += [Problem(where, "no such column", column=name[:40]) for name in other]
    if rows is not None and len(table) != rows:
        problems.append(Problem(where, f"{rows:,} rows, as config.json says", value=len(table)))
    found = [columns[str(name)].problem(table[name], where) for name in table if name in columns]
    raise_if(problems + [problem for problem in found if problem is not None])


def check_cells(arrays: Mapping[str, np.ndarray], n_paths: int, where: str) -> None:
    """Refuse cells.npz with other columns or of other paths and cells than the run has; errors as `check_table`."""
    for name, array in arrays.items():
        if array.ndim != 1 or array.size != next(iter(arrays.values())).size:
            raise InputError(Problem(where, "columns of one length", column=name[:40], value=array.shape))
    columns = dict.fromkeys(CELL_ROW.names or (), FINITE)
    columns |= {"path": _whole(0, n_paths - 1), "cell": _whole(0, classes.N_CELLS - 1)}
    check_table(pd.DataFrame(dict(arrays)), columns, where)


def check_fund_at(arrays: Mapping[str, np.ndarray], n_paths: int, where: str) -> None:
    """Refuse fund_at.npz that is not the balances of the first paths of the run.

    Raises
    ------
    InputError
    """
    found, shape = arrays.get("fund_at"), (min(n_paths, FAN_PATHS), CHECKPOINTS + 1)
    if found is None or found.shape != shape or found.dtype != np.float64 or np.isnan(found).any():
        raise InputError(Problem(where, f"an array fund_at, float64{list(shape)}, without nan"))


def check_days(arrays: Mapping[str, np.ndarray], n_paths: int, days: int, where: str) -> np.ndarray:
    """DAY_ROW[n_paths, days] of days.npz; what is not that is refused.

    Raises
    ------
    InputError
    """
    names = DAY_ROW.names or ()
    for name in names:
        found = arrays.get(name)
        if found is None or found.shape != (n_paths, days) or found.dtype != np.float64 or np.isnan(found).any():
            raise InputError(Problem(where, f"an array {name}, float64{[n_paths, days]}, without nan"))
    rows = np.zeros((n_paths, days), DAY_ROW)
    for name in names:
        rows[name] = arrays[name]
    return rows


def check_weights(paths: pd.DataFrame, where: str) -> None:
    """Refuse paths that weigh nothing.

    Raises
    ------
    InputError
    """
    if not (paths["weight"] > 0).any():
        raise InputError(Problem(where, "a path with a weight above 0", column="weight"))


def check_gaps(gaps: pd.DataFrame, config: Mapping[str, Any], where: str) -> None:
    """Refuse a table of gaps that has not the run's own gaps or delay, and these alone, as the chosen ones.

    Raises
    ------
    InputError
    """
    late = pd.Series(np.nan, gaps.index) if "delay" not in gaps else gaps["delay"]
    if (gaps["gap"].isna() == late.isna()).any():
        raise InputError(Problem(where, "one of gap and delay in each row", column="gap"))
    chosen = gaps["gap"] == config["gap"] if config.get("delay") is None else late == config["delay"]
    own = chosen & (gaps["jump_gap"] == config["jump_gap"])
    if not own.any() or (own != gaps["chosen"]).any():
        raise InputError(Problem(where, "the run's own pair of gaps, and no other, as the chosen one", column="chosen"))


def check_delays(gaps: pd.DataFrame, delays: Sequence[float] | None, where: str) -> None:
    """Refuse a table of gaps that has not the delays whose range is the answer.

    Raises
    ------
    InputError
    """
    found = set() if "delay" not in gaps else set(gaps["delay"].dropna())
    if delays is not None and found != set(delays):
        raise InputError(Problem(where, "the delays of scenario.json", column="delay"))


def check_alphas(required: pd.DataFrame, alphas: Sequence[float], where: str) -> None:
    """Refuse required funds of other probabilities than the scenario asks for.

    Raises
    ------
    InputError
    """
    if required["alpha"].tolist() != [float(alpha) for alpha in alphas]:
        raise InputError(Problem(where, "the probabilities of scenario.json, each in a row", column="alpha"))
