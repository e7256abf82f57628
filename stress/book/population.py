"""Synthetic traders, for use without a file of positions.

Each account draws a size, a leverage, a side and an entry price; the draws of account i depend only on the seed and i.

- Size: log-normal with a Pareto tail above a quantile, tied to leverage by a Gaussian copula. Only the shape of the
  distribution of notionals is given: each side is scaled to the open interest, and the excess over a cap is
  distributed over the other accounts. With a tail index below 1 the mean is infinite, so without a cap one account
  would hold most of the market.
- Balance: quantities are multiples of a power of two, so that long and short sums are equal to the last bit in any
  order of summation. If more accounts are long than short, longs are smaller.
- Leverage: weights by number of positions. It is lowered to the maximum of the account's tier; the margin is the
  initial margin, notional at entry over leverage.
- Concentration: where a share of the ten largest accounts of a side is asked for, the ten largest that were drawn are
  scaled to it and all others to the rest, each kept below the tenth.
- Buffer: some accounts hold margin beyond the initial one (a balance under cross margin, margin that was added), a
  log-normal share of the notional at entry.
- Entry: the price one exponential holding time ago, in bars or in a log-normal past. An account that would have been
  liquidated since is drawn again, so the book holds survivors: positions of high leverage are recent or in profit.
- Orders: some accounts have a stop or a take-profit, at a log-normal distance from the present price.
- Leverage and buffer are laws of the positions that are open now (`leverage_at = "now"`: an account drawn again keeps
  them), or of positions when they are opened (`"opening"`, e.g. of trades): then they are drawn again too, and the book
  holds as many of each kind as have survived. Sizes and sides are those of open positions either way.

A mix is a TOML file in `presets/`; every parameter in it names its source.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from stress import memory, quantities, schema
from stress.adjustments import Adjustment
from stress.arguments import is_finite, is_number, is_whole, path_of, wrong_types
from stress.book import sizes
from stress.book.columns import ORDERS, BookWarning, Columns
from stress.callers import warn
from stress.errors import InputError, Problem, raise_if
from stress.files import documents, names
from stress.kernels import population
from stress.kernels.numerics.elementary import normal_quantile
from stress.prices.history_use import is_same_price, rescaled
from stress.venue.values import one_of
from stress.venue.venue import Venue

FOLDER = Path(__file__).parent / "presets"
DAY = 86_400.0
YEAR = 365.0 * DAY
ACCOUNT = 289  # bytes of an account, at the peak of drawing a book
LATE_SHARE = 0.01  # share of accounts without a surviving past entry, above which a warning is issued

WORDS = ("name", "sources", "leverage_at")  # parameters that are no numbers

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@runtime_checkable
class PastBars(Protocol):
    """Bars up to the present, as `stress.prices.Bars` provides them."""

    close: Any
    low: Any
    high: Any
    step: float


class PopulationSpec(BaseModel):
    """Parameters of a synthetic population.

    Parameters
    ----------
    accounts : int
        Number of accounts, one position each, >= 2.
    open_interest : float
        USD of one side, at the price that the book is drawn at.
    leverage : dict of float to float
        Weight of each set leverage, by number of open positions; normalised to sum 1.
    size_sigma : float
        Standard deviation of the log of notional.
    tail_index : float, optional
        Pareto index of the notionals above the quantile `tail_from`; None for a pure log-normal.
    tail_from : float
        Quantile in (0, 1).
    max_share : float
        Cap on one notional as a share of the open interest, in (0, 1].
    max_notional : float, optional
        Cap on one notional in USD.
    top_share : float, optional
        Share of each side's open interest that its ten largest accounts hold, in (0, 1); None: as they are drawn.
    correlation : float
        Correlation of the normal scores of notional and leverage; negative where larger positions are less levered.
    long_share : float
        Share of the accounts that are long, by number, in (0, 1).
    holding_days : float
        Mean of the exponential holding time so far, days.
    volatility : float
        Volatility of the log-normal past, per square root of a year of 365 days; not used with bars.
    leverage_at : {"now", "opening"}
        Whose leverage and buffer are given: of positions that are open now, or of positions when they are opened, of
        which those open now are the ones that have survived.
    buffer_share : float
        Share of the accounts that hold margin beyond the initial one, in [0, 1].
    buffer : float
        Median of that margin, as a share of the notional at entry, > 0.
    buffer_sigma : float
        Standard deviation of its log.
    stop_share, take_profit_share : float, optional
        Share of the accounts that have a stop order, and a take-profit, in [0, 1]; None: nobody.
    stop_distance, take_profit_distance : float, optional
        Median distance of these from the present price, as a fraction of it, in (0, 1): log-normal, with a standard
        deviation of the log of 0.5. Given with the share, and only then.
    name : str
    sources : dict of str to str
        Source of each parameter.

    Raises
    ------
    InputError
        Lists every parameter that is missing, unknown, no number or out of range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    accounts: int = Field(ge=2, le=100_000_000)
    open_interest: Positive
    leverage: dict[Positive, Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    size_sigma: float = Field(ge=0, le=20)
    tail_index: float | None = Field(default=None, ge=0.1, le=100)
    tail_from: float = Field(default=0.97, gt=0, lt=1)
    max_share: float = Field(default=1.0, gt=0, le=1)
    max_notional: Positive | None = None
    top_share: float | None = Field(default=None, gt=0, lt=1)
    correlation: float = Field(default=0.0, ge=-1, le=1)
    long_share: float = Field(default=0.5, gt=0, lt=1)
    holding_days: Positive = 1.0
    volatility: Positive = 0.8
    leverage_at: Literal["now", "opening"] = "now"
    buffer_share: float = Field(default=0.0, ge=0, le=1)
    buffer: Positive = 0.2
    buffer_sigma: float = Field(default=1.0, ge=0, le=20)
    stop_share: float | None = Field(default=None, ge=0, le=1)
    stop_distance: float | None = Field(default=None, gt=0, lt=1)
    take_profit_share: float | None = Field(default=None, ge=0, le=1)
    take_profit_distance: float | None = Field(default=None, gt=0, lt=1)
    name: str = ""
    sources: dict[str, str] = Field(default_factory=dict)

    if not TYPE_CHECKING:  # a type checker knows the parameters by the fields

        def __init__(self, **parameters):
            parameters = {k: v if k in WORDS else quantities.numbers(v) for k, v in parameters.items()}
            raise_if(_no_numbers(parameters))
            try:
                super().__init__(**parameters)
            except ValidationError as error:
                known = type(self).model_fields
                raise InputError(
                    schema.problems_of(error, "population", (), lambda key: one_of(key[-1], known))
                ) from None

    @field_validator("leverage")
    @classmethod
    def _normalise(cls, weights: dict[float, float]) -> dict[float, float]:
        total = math.fsum(weights.values())
        if total <= 0.0:
            raise ValueError("at least one leverage with a weight above 0")
        return {leverage: weights[leverage] / total for leverage in sorted(weights) if weights[leverage] > 0.0}

    @model_validator(mode="after")
    def _check_cap(self) -> PopulationSpec:
        if self.cap * self.accounts < 2.0 * self.open_interest:
            raise ValueError(
                f"{self.accounts} accounts of at most {self.cap:.6g} USD cannot hold an open interest of "
                f"{self.open_interest:.6g} USD on both sides"
            )
        return self

    @model_validator(mode="after")
    def _check_orders(self) -> PopulationSpec:
        apart = [order for order in ORDERS if (self.share_of(order) is None) != (self.distance_of(order) is None)]
        if apart:
            names = " and ".join(f"{order}_share with {order}_distance" for order in apart)
            raise ValueError(f"{names}, both or neither")
        return self

    def share_of(self, order: str) -> float | None:
        """Share of the accounts that have an order, "stop" or "take_profit"; None: nobody."""
        share: float | None = getattr(self, f"{order}_share")
        return share

    def distance_of(self, order: str) -> float | None:
        """Median distance of such an order from the present price, as a fraction of it."""
        distance: float | None = getattr(self, f"{order}_distance")
        return distance

    @property
    def cap(self) -> float:
        """Largest notional, USD."""
        return min(self.max_share * self.open_interest, self.max_notional or math.inf)

    @classmethod
    def load(cls, mix: str | Path, **parameters: Any) -> PopulationSpec:
        """Load a mix by name (`MIXES`) or from a TOML file.

        Parameters
        ----------
        mix : str or Path
        **parameters
            `accounts`, `open_interest` and other parameters, in place of those of the mix.

        Raises
        ------
        InputError
            If there is no such mix, its file is no mix, or a parameter is missing, unknown or out of range.
        """
        given = path_of(mix, "population", "mix")
        own = given.suffix == ".toml"
        path = given if own else FOLDER / f"{mix}.toml"
        if not own and str(mix) not in MIXES:
            near = difflib.get_close_matches(str(mix), MIXES, n=1)
            hint = f" (the nearest is {near[0]})" if near else ""
            expected = f"one of {', '.join(MIXES)}{hint}, or a TOML file"
            raise InputError(Problem("population", expected, column="mix", value=str(mix)))
        figures = _figures(path)
        values = {name: value for name, (value, _) in figures.items()}
        sources = {name: source for name, (_, source) in figures.items() if name not in parameters}
        try:
            return cls(**{"name": path.stem, "sources": sources, **values, **parameters})
        except InputError as error:
            of_file = figures.keys() - parameters.keys() if own else set()
            raise InputError(
                [_of_file(p, path) if str(p.column).split(".")[0] in of_file else p for p in error.problems]
            ) from None


def _of_file(problem: Problem, path: Path) -> Problem:
    """A problem of a parameter, attributed to the figure in the file of the mix."""
    return replace(problem, where=str(path), column=f"figures.{problem.column}")


def _figures(path: Path) -> dict[str, tuple[Any, str]]:
    """Value and source of every parameter in the file of a mix.

    Raises
    ------
    InputError
        Lists what is missing or of another shape; the spec checks names and values.
    """
    file = documents.read_toml(path)
    figures, sources = file.get("figures"), file.get("sources", {})
    if not isinstance(figures, dict) or not isinstance(sources, dict):
        expected = "a mix: tables [figures.NAME] with value and source, and [sources.KEY] with status and page"
        raise InputError(Problem(str(path), expected))
    cited = {key: _cite(source) for key, source in sources.items()}
    found, problems = {}, []
    for name, figure in figures.items():
        if not isinstance(figure, dict) or "value" not in figure or "source" not in figure:
            problems.append(Problem(str(path), "a table with value and source", column=f"figures.{name}", value=figure))
        elif not isinstance(figure["source"], str) or not cited.get(figure["source"]):
            expected = f"a key of [sources] with status and page: {', '.join(k for k in cited if cited[k]) or 'none'}"
            problems.append(Problem(str(path), expected, column=f"figures.{name}.source", value=figure["source"]))
        else:
            found[name] = figure["value"], cited[figure["source"]]
    raise_if(problems)
    return found


def _no_numbers(parameters: dict[str, Any]) -> list[Problem]:
    """A problem for each parameter that is text, a bool or the like, which pydantic would take for a number."""
    problems = []
    for name, value in parameters.items():
        numbers = list(value.values()) if name == "leverage" and isinstance(value, dict) else [value]
        if name not in WORDS and value is not None and not all(map(is_number, numbers)):
            expected = "a table of leverages and their weights" if name == "leverage" else quantities.expected(value)
            problems.append(Problem("population", expected, column=name, value=value))
    return problems


def _cite(source: Any) -> str:
    """A source in words; "" if it has no status or no page."""
    if not isinstance(source, dict) or not (names.is_name(source.get("status")) and names.is_prose(source.get("page"))):
        return ""
    return f"{source['status']}: {source['page']}" + (f", {source['date']}" if "date" in source else "")


def title(mix: str | Path) -> str:
    """Title of a mix of the package, or of a TOML file; "" if it has none."""
    path = path_of(mix, "population", "mix")
    file = documents.read_toml(path if path.suffix == ".toml" else FOLDER / f"{mix}.toml")
    head = file.get("population")
    return str(head.get("title", "")) if isinstance(head, dict) else ""


MIXES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def sample(spec: PopulationSpec, *, venue: Venue, price: float, seed: int, bars: PastBars | None = None) -> Columns:
    """Draw the positions of a population.

    Of an inverse contract the open interest, in USD, is a number of contracts, margins are in coin, and positions are
    drawn as those of the linear contract that it is in 1/P.

    Parameters
    ----------
    spec : PopulationSpec
    venue : Venue
        Its tiers bound the leverage and decide which past entries would have been liquidated.
    price : float
        Present price, USD per coin, > 0.
    seed : int
        0 <= seed < 2^63.
    bars : optional
        Anything with float64[B] `close`, `low`, `high` and `step` (seconds), ending now. Past prices are scaled so
        that the last close is `price`; holding times count bars backwards and ignore gaps between them.

    Returns
    -------
    Columns
        Arguments of `Book`: long and short quantities are equal to the last bit, and every position is above its
        maintenance margin.

    Raises
    ------
    InputError
        If the price or the seed is out of range, the accounts of one side cannot hold the open interest under the
        cap or the venue's position limit, or the tiers liquidate a position that has just been opened.
    """
    return sample_with_ages(spec, venue=venue, price=price, seed=seed, bars=bars)[0]


def sample_with_ages(
    spec: PopulationSpec, *, venue: Venue, price: float, seed: int, bars: PastBars | None = None
) -> tuple[Columns, np.ndarray]:
    """As `sample`, and the seconds since each position was opened, float64[N]."""
    wanted: dict[str, tuple[Any, Any, str]] = {
        "spec": (spec, PopulationSpec, "a stress.PopulationSpec, e.g. of PopulationSpec.load"),
        "venue": (venue, Venue, "a stress.Venue, e.g. stress.load_venue('binance', market='BTCUSDT')"),
    }
    if bars is not None:
        wanted["bars"] = bars, PastBars, "stress.prices.Bars, e.g. stress.prices.read_bars(file)"
    problems = wrong_types("population", **wanted)
    if not (is_finite(price) and price > 0):
        problems.append(Problem("population", "a price above 0", column="price", value=price))
    elif not problems and math.isinf(spec.open_interest / price):
        expected = f"a price at which {spec.open_interest:.6g} USD are a finite number of coins"
        problems.append(Problem("population", expected, column="price", value=price))
    if not isinstance(seed, (int, np.integer)) or not is_whole(seed) or not 0 <= seed < 2**63:
        problems.append(Problem("population", "a whole number, 0 <= seed < 2^63", column="seed", value=seed))
    raise_if(problems)
    n = spec.accounts
    memory.check(n * ACCOUNT, f"{n:,} accounts", lambda room: f"at most {room // ACCOUNT:,} accounts, which fit")
    traits = _traits(spec)
    size, number, u, buffer = np.empty(n), np.empty(n, dtype=np.int64), np.empty(n), np.empty(n)
    population.draw_traits(int(seed), traits, size, number, u, buffer)
    side = np.where(u < spec.long_share, 1.0, -1.0)
    side[np.argmin(u)], side[np.argmax(u)] = 1.0, -1.0  # so that a small book has both sides

    quantity = np.empty(n)
    # USD of a coin, or of a contract of 1 USD; and what one is worth in the money of the tiers
    each, worth = (1.0, 1.0 / price) if venue.is_inverse else (price, price)
    total = spec.open_interest / each
    limit = venue.position_limit if venue.tier_basis == "quantity" else venue.position_limit / worth
    cap = min(spec.cap / each, limit)
    for s, word in ((1.0, "long"), (-1.0, "short")):
        held = side == s
        if held.sum() * cap < total * (1.0 - 1e-12):
            few = f"since {held.sum()} accounts are {word}"
            if limit < spec.cap / each:
                expected = f"more, {few} and {venue.name} lets each hold {limit * each:.6g} USD at most"
                raise InputError(Problem("population", expected, column="accounts", value=n))
            expected = f"a cap above {spec.open_interest / held.sum():.6g} USD, {few}"
            raise InputError(Problem("population", expected, column="max_share", value=cap * each))
        shares = sizes.share_out(size[held], total, cap)
        if spec.top_share is not None:
            sizes.check_top(spec.top_share, int(held.sum()), cap / total, word)
            shares = sizes.with_top(size[held], total, cap, spec.top_share)
        quantity[held] = sizes.in_lots(shares, total)

    _, tiers = venue.to_kernel()
    max_leverage = np.array([tier.max_leverage for tier in venue.tiers], dtype=np.float64)
    levels = np.array(list(spec.leverage), dtype=np.float64)
    leverage, entry, margin, held = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    past = _history(spec, bars, price)
    if venue.is_inverse:
        past = _mirrored(past)
    late, dead = population.draw_entries(
        int(seed), traits, venue.structure().contract, tiers, max_leverage, past, float(worth),
        -side if venue.is_inverse else side, quantity, levels, number, buffer, leverage, entry, margin, held,
    )  # fmt: skip
    if dead:
        expected = f"tiers whose initial margin is above the maintenance margin; {dead} new positions are under it"
        raise InputError(Problem("population", expected, column="venue.tiers"))
    if venue.is_inverse:
        entry = 1.0 / entry
    source = f"population {spec.name}".strip()
    done = () if bars is None else _played_before(bars, price)
    if late > LATE_SHARE * n:
        what, rule = "enter at the present price", "they have no past entry that they survive"
        done = *done, Adjustment(source, what, rule, int(late), n, "accounts")
        warn(str(done[-1]), BookWarning)
    columns = Columns(
        side=side,
        quantity=quantity,
        entry_price=entry,
        margin=margin,
        leverage=leverage,
        market=venue.market,
        source=source,
        adjustments=done,
    )
    if venue.is_inverse:
        columns["contract"] = "inverse"
    for kind, order in enumerate(ORDERS):
        share, distance = spec.share_of(order), spec.distance_of(order)
        if share and distance is not None:
            level = np.empty(n)
            towards = side if order == "take_profit" else -side
            population.draw_orders(int(seed), kind, float(share), float(distance), float(price), towards, level)
            columns[order] = level  # type: ignore[literal-required]
    return columns, held


def _played_before(bars: PastBars, price: float) -> tuple[Adjustment, ...]:
    """What was done to the bars that past entries are taken from."""
    done, last = tuple(getattr(bars, "adjustments", ())), float(np.asarray(bars.close)[-1])
    if is_same_price(last, price):
        return done
    return *done, rescaled(
        bars, last, price, "past entries are taken from the bars as if they ended at the present price"
    )


def _traits(spec: PopulationSpec) -> population.Traits:
    cumulative = np.cumsum(list(spec.leverage.values()))[:-1]
    threshold = np.array([normal_quantile(p) for p in cumulative], dtype=np.float64)
    no_tail = spec.tail_index is None
    return population.Traits(
        threshold,
        float(spec.correlation),
        float(spec.size_sigma),
        2.0 if no_tail else float(spec.tail_from),
        1.0 if spec.tail_index is None else float(spec.tail_index),
        float(spec.buffer_share),
        float(spec.buffer),
        float(spec.buffer_sigma),
        spec.leverage_at == "opening",
    )


def _history(spec: PopulationSpec, bars: PastBars | None, price: float) -> population.PastEntries:
    holding, volatility = spec.holding_days * DAY, spec.volatility / math.sqrt(YEAR)
    if bars is None:
        none = np.empty(0)
        return population.PastEntries(none, none, none, none, 1.0, holding, volatility)
    scale = price / float(np.asarray(bars.close)[-1])
    low = np.ascontiguousarray(bars.low, dtype=np.float64) * scale
    high = np.ascontiguousarray(bars.high, dtype=np.float64) * scale
    later_low = np.minimum.accumulate(np.append(low[1:], price)[::-1])[::-1].copy()
    later_high = np.maximum.accumulate(np.append(high[1:], price)[::-1])[::-1].copy()
    return population.PastEntries(low, high, later_low, later_high, float(bars.step), holding, volatility)


def _mirrored(past: population.PastEntries) -> population.PastEntries:
    """The past in 1/P, where lows and highs change places."""
    low, high, later_low, later_high = (1.0 / x for x in past[:4])
    return past._replace(low=high, high=low, later_low=later_high, later_high=later_low)
