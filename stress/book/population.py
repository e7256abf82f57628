"""Synthetic traders, where no file of positions is at hand.

Each account draws a size, a leverage, a side and an entry; account i's draws depend on the seed and i alone.

- Size: log-normal with a Pareto tail above a quantile, tied to leverage by a Gaussian copula. Sizes are notionals and
  only their shape is given: each side is scaled to the open interest, with the excess over a cap spread over the
  rest. A tail index below 1 has no mean, so without a cap one account would hold most of the market.
- Balance: quantities are multiples of a power of two, so that long and short sums are equal to the last bit in any
  order of summation. With more accounts long than short, longs are smaller.
- Leverage: weights by number of open positions. What an account set is lowered to the maximum of its tier, and the
  margin is the initial margin: notional at entry over leverage.
- Entry: the price an exponential holding time ago, in bars or in a log-normal past. Whoever would have been
  liquidated since is drawn again, so the book is one of survivors: high leverage is either young or in profit.

A mix is a TOML file in `presets/` whose every figure names its source.
"""

from __future__ import annotations

import difflib
import math
import tomllib
import warnings
from pathlib import Path
from typing import Annotated, Any, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from stress.book.columns import BookWarning, Columns
from stress.errors import InputError, Problem, raise_if
from stress.kernels import population
from stress.kernels.numerics.elementary import normal_quantile
from stress.venue.venue import Venue

FOLDER = Path(__file__).parent / "presets"
DAY = 86_400.0
YEAR = 365.0 * DAY
LATE_SHARE = 0.01  # of accounts without a surviving past entry, above which a warning says so

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class PastBars(Protocol):
    """Bars up to now: what `stress.prices.Bars` offers."""

    close: Any
    low: Any
    high: Any
    step: float


class PopulationSpec(BaseModel):
    """Who trades.

    Parameters
    ----------
    accounts : int
        One position each, >= 2.
    open_interest : float
        USD of one side, at the price the book is drawn for.
    leverage : dict of float to float
        Weight of each set leverage, by number of open positions; normalised.
    size_sigma : float
        Standard deviation of the log of notional.
    tail_index : float, optional
        Pareto index of the notionals above the quantile `tail_from`; none for a pure log-normal.
    tail_from : float
        Quantile in (0, 1).
    max_share : float
        Cap on one notional as a share of the open interest, in (0, 1].
    max_notional : float, optional
        Cap on one notional in USD.
    correlation : float
        Of the normal scores of notional and leverage; negative where the bigger ones are less levered.
    long_share : float
        Share of the accounts that are long, by number.
    holding_days : float
        Mean of the exponential holding time so far.
    volatility : float
        Per year, of the log-normal past; not used with bars.
    name : str
    sources : dict of str to str
        Where each figure is from.
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
    correlation: float = Field(default=0.0, ge=-1, le=1)
    long_share: float = Field(default=0.5, gt=0, lt=1)
    holding_days: Positive = 1.0
    volatility: Positive = 0.8
    name: str = ""
    sources: dict[str, str] = Field(default_factory=dict)

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

    @property
    def cap(self) -> float:
        """Largest notional, USD."""
        return min(self.max_share * self.open_interest, self.max_notional or math.inf)

    @classmethod
    def load(cls, mix: str | Path, **figures: Any) -> PopulationSpec:
        """A mix by name (`MIXES`) or TOML file, with `accounts`, `open_interest` and any other figure given.

        Raises
        ------
        InputError
            If there is no such mix.
        pydantic.ValidationError
            If a figure is out of range.
        """
        path = Path(mix) if str(mix).endswith(".toml") else FOLDER / f"{mix}.toml"
        if not path.is_file():
            near = difflib.get_close_matches(str(mix), MIXES, n=1)
            hint = f" (the nearest is {near[0]})" if near else ""
            expected = f"one of {', '.join(MIXES)}{hint}, or a TOML file"
            raise InputError(Problem("population", expected, column="mix", value=str(mix)))
        file = tomllib.loads(path.read_text("utf-8"))
        values = {name: figure["value"] for name, figure in file["figures"].items()}
        sources = {name: _cite(file, figure["source"]) for name, figure in file["figures"].items()}
        sources = {name: source for name, source in sources.items() if name not in figures}
        return cls.model_validate({"name": path.stem, "sources": sources, **values, **figures})


def _cite(file: dict[str, Any], key: str) -> str:
    source = file["sources"][key]
    return f"{source['status']}: {source['page']}" + (f", {source['date']}" if "date" in source else "")


MIXES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def sample(spec: PopulationSpec, *, venue: Venue, price: float, seed: int, bars: PastBars | None = None) -> Columns:
    """Draw the positions of a population.

    Parameters
    ----------
    spec : PopulationSpec
    venue : Venue
        Its tiers bound leverage and say who would have been liquidated.
    price : float
        Price of now, USD > 0.
    seed : int
        0 <= seed < 2^63.
    bars : optional
        Anything with float64[B] `close`, `low`, `high` and `step` (seconds), ending now. Past prices are scaled so
        that the last close is `price`; bars count backwards, gaps between them are passed over.

    Returns
    -------
    Columns
        Of a `Book` (`Book.sample` makes it): long and short quantities equal to the last bit, every position above
        its maintenance margin.

    Raises
    ------
    InputError
        If the cap or the venue's position limit leaves no room on one side, or the tiers liquidate a position
        that has just been opened.
    """
    problems = []
    if not (0.0 < price < math.inf):
        problems.append(Problem("population", "a price above 0", column="price", value=price))
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or not 0 <= seed < 2**63:
        problems.append(Problem("population", "a whole number, 0 <= seed < 2^63", column="seed", value=seed))
    raise_if(problems)
    n = spec.accounts
    size, number, u = np.empty(n), np.empty(n, dtype=np.int64), np.empty(n)
    population.draw_traits(int(seed), _traits(spec), size, number, u)
    side = np.where(u < spec.long_share, 1.0, -1.0)
    side[np.argmin(u)], side[np.argmax(u)] = 1.0, -1.0  # a small book too has both sides

    quantity = np.empty(n)
    total = spec.open_interest / price
    limit = venue.position_limit if venue.tier_basis == "quantity" else venue.position_limit / price
    cap = min(spec.cap / price, limit)
    for s, word in ((1.0, "long"), (-1.0, "short")):
        held = side == s
        if held.sum() * cap < total * (1.0 - 1e-12):
            expected = f"a cap above {spec.open_interest / held.sum():.6g} USD, since {held.sum()} accounts are {word}"
            raise InputError(Problem("population", expected, column="max_share", value=cap * price))
        quantity[held] = _in_lots(_share_out(size[held], total, cap), total)

    _, tiers = venue.to_kernel()
    max_leverage = np.array([tier.max_leverage for tier in venue.tiers], dtype=np.float64)
    leverage = np.array(list(spec.leverage), dtype=np.float64)[number]
    entry, margin = np.empty(n), np.empty(n)
    late, dead = population.draw_entries(
        int(seed), venue.structure().contract, tiers, max_leverage, _history(spec, bars, price), float(price),
        side, quantity, leverage, entry, margin,
    )  # fmt: skip
    if dead:
        expected = f"tiers whose initial margin is above the maintenance margin; {dead} new positions are under it"
        raise InputError(Problem("population", expected, column="venue.tiers"))
    if late > LATE_SHARE * n:
        message = f"population {spec.name}: {late} of {n} accounts found no past entry that they survive, and enter now"
        warnings.warn(message, BookWarning, stacklevel=2)
    return Columns(
        side=side,
        quantity=quantity,
        entry_price=entry,
        margin=margin,
        leverage=leverage,
        market=venue.market,
        source=f"population {spec.name}".strip(),
    )


def _traits(spec: PopulationSpec) -> population.Traits:
    cumulated = np.cumsum(list(spec.leverage.values()))[:-1]
    threshold = np.array([normal_quantile(p) for p in cumulated], dtype=np.float64)
    no_tail = spec.tail_index is None
    return population.Traits(
        threshold,
        float(spec.correlation),
        float(spec.size_sigma),
        2.0 if no_tail else float(spec.tail_from),
        1.0 if spec.tail_index is None else float(spec.tail_index),
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


def _share_out(size: np.ndarray, total: float, cap: float) -> np.ndarray:
    """min(c size, cap) with c such that the sum is `total`."""
    order = np.argsort(size, kind="stable")[::-1]
    below = np.cumsum(size[order][::-1])[::-1]  # of each size and all smaller ones
    capped = np.arange(size.size)
    factor = (total - capped * cap) / below
    # The largest are capped one after the other until the next one fits under the cap.
    first = int(np.argmax(factor * size[order] <= cap))
    if factor[first] * size[order[first]] > cap:
        return np.full(size.size, total / size.size)
    return np.minimum(factor[first] * size, cap)


def _in_lots(quantity: np.ndarray, total: float) -> np.ndarray:
    """Quantities rounded to multiples of a power of two that add up to `total`, rounded, exactly in any order."""
    lot = math.ldexp(1.0, math.frexp(total)[1] - 51)
    lots = np.maximum(np.floor(quantity / lot), 1.0).astype(np.int64)
    lots[np.argmax(lots)] += round(total / lot) - int(lots.sum())
    return lots * lot
