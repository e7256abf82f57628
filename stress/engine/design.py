"""The border between words and numbers: a design as the compiled side takes it.

A `Design` holds everything that a path depends on: book, venue, prices, depth, fund, gaps, seed. It is pure: any block
of paths, or one path alone, can be run anywhere, and again at any time (`stress.engine.blocks`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stress import serialize
from stress.adjustments import Adjustment
from stress.arguments import numbers
from stress.book import classes
from stress.book.book import Book
from stress.book.columns import ORDERS, PROTECTED
from stress.engine.renewal import Renewal
from stress.errors import InputError, Problem
from stress.kernels.index.ladder import Ladder, build
from stress.kernels.numerics.elementary import exp
from stress.kernels.path import run as kernel
from stress.kernels.path.counts import CELL, as_float_view, make_position_counts
from stress.kernels.path.records import CHECKPOINTS, LOG, OUTCOME, Prices
from stress.kernels.path.workspace import make_workspace
from stress.kernels.rules import margin
from stress.kernels.rules.contract import Seconds, Structure
from stress.kernels.rules.records import Tiers, make_terms
from stress.kernels.rules.sharing import PRO_RATA, PRO_RATA_BY_ROW
from stress.prices.base import PriceBlock
from stress.prices.history_use import adjustments_of
from stress.prices.rarest_event import RarestEvent
from stress.prices.strata import Strata
from stress.venue.depth import Depth, schedule_of, to_kernel
from stress.venue.events import Events
from stress.venue.funding import Funding
from stress.venue.inverse import mirrored, mirrored_level
from stress.venue.layer import FUND, Layer
from stress.venue.venue import Venue

if TYPE_CHECKING:
    from stress.engine.mechanics import Mechanics

NO_LOG = np.zeros(0, LOG)
NO_WEIGHTS = np.zeros(0)  # all paths weigh 1

Detail = Literal["positions", "paths"]


class SimulationError(RuntimeError):
    """A path could not be run; the message names the path, the step and how to inspect it."""


@dataclass(frozen=True)
class Design:
    """Everything that the paths of a run depend on. Arguments as in `simulate`; `book` has passed its checks."""

    book: Book
    venue: Venue
    prices: Any
    n_paths: int
    n_steps: int
    step: float
    depth: Depth | None  # in USD
    fund: float
    gap: float
    jump_gap: float
    seed: int
    detail: Detail = "positions"
    delay: float | None = None
    renewal: Renewal | None = None
    layers: Mapping[str, Layer] | None = None  # those that are more than a fund without a cap
    funding: Funding | None = None
    events: Events | None = None
    tail: float | None = None  # smallest probability that is asked for: paths are drawn by their rarest event
    batch: int | None = None  # of a run that grows by whole batches: path i hangs on (seed, i) and this number alone

    def __getstate__(self) -> dict[str, Any]:
        """The arguments alone: what is made from them is made again on the other side, and is larger than they are."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def s0(self) -> float:
        """S_0, USD per coin, as it was before the first path; prices that start elsewhere are refused."""
        return float(self.prices.s0)

    @property
    def adjustments(self) -> tuple[Adjustment, ...]:
        """What was done to the book, and to bars and their prices."""
        return tuple(dict.fromkeys([*self.book.adjustments, *adjustments_of(self.prices, self.n_steps)]))

    @cached_property
    def model_record(self) -> dict[str, Any]:
        """What the price model says of itself, and S_0.

        Raises
        ------
        InputError
            If it says anything but plain values, which no record of the run could hold.
        """
        found = self.prices.describe()
        try:
            if isinstance(found, dict):
                serialize.dumps(found)
                return {**found, "s0": found.get("s0", self.s0)}
        except (TypeError, ValueError, RecursionError):
            pass
        expected = "a dict of plain values: text, numbers, None, and lists and dicts of them"
        raise InputError(Problem(f"{type(self.prices).__name__}.describe", expected, value=found))

    @property
    def is_inverse(self) -> bool:
        """Whether the compiled side gets book and prices in 1/P (`stress.venue.inverse`)."""
        return self.venue.is_inverse

    @property
    def usd_of_one(self) -> float:
        """USD at S_0 of a coin, or of a contract."""
        return 1.0 if self.is_inverse else self.s0

    @property
    def usd_of_money(self) -> float:
        """USD at S_0 of a unit of the fund's money."""
        return self.s0 if self.is_inverse else 1.0

    @cached_property
    def traded_book(self) -> Book:
        """The book as the compiled side takes it: of an inverse contract that of the linear one in 1/P."""
        return self.book.mirrored() if self.is_inverse else self.book

    @cached_property
    def traded_levels(self) -> tuple[np.ndarray, np.ndarray]:
        """Liquidation and bankruptcy level of every position of `traded_book`, in book order."""
        book, (_, tiers) = self.traded_book, self.venue.to_kernel()
        levels = margin.levels(
            self.venue.structure().contract,
            tiers,
            book.side,
            book.quantity,
            book.entry_price,
            book.margin,
            1.0 / self.s0 if self.is_inverse else self.s0,
        )
        return levels[0], levels[1]

    @property
    def levels(self) -> tuple[np.ndarray, np.ndarray]:
        """Liquidation and bankruptcy price of every position, in book order, USD per coin."""
        if not self.is_inverse:
            return self.traded_levels
        liquidation, bankruptcy = (mirrored_level(level, self.book.side) for level in self.traded_levels)
        return liquidation, bankruptcy

    @cached_property
    def classes(self) -> dict[str, np.ndarray]:
        """Class of every position in each grouping, see `stress.book.classes`."""
        book, s0 = self.book, self.s0
        return classes.classify(book.effective_leverage(s0), book.leverage, book.notional(s0))

    @cached_property
    def ladder(self) -> Ladder:
        """The book, sorted for the kernels."""
        book, (liquidation, bankruptcy) = self.traded_book, self.traded_levels
        columns = book.side, book.quantity, book.entry_price, book.margin
        if self.funding is not None:
            liquidation = liquidation.copy()
            contract, (_, tiers) = self.venue.structure().contract, self.venue.to_kernel()
            margin.set_levels_below_zero(contract, tiers, *columns, liquidation)
        cells = classes.cells(self.book.side, self.classes)
        ladder: Ladder = build(*columns, liquidation, bankruptcy, cells)
        return ladder

    @cached_property
    def kernel(self) -> tuple[Ladder, Tiers, Structure, np.ndarray, np.ndarray]:
        """The design as the compiled side takes it: book, tiers, structure, schedule of the depth, and TERMS."""
        rules, tiers = self.venue.to_kernel()
        if rules.policy == PRO_RATA and (self.book.margin < 0.0).any():
            rules = rules._replace(policy=PRO_RATA_BY_ROW)
        # contracts of 1 USD are to the depth what coins are at a price of 1
        depth = to_kernel(self.depth, 1.0 if self.is_inverse else self.s0, self.step)
        terms = make_terms(rules, depth, self.step, self.gap, self.jump_gap, self.seed, self.delay or 0.0)
        structure = self.venue.structure()
        if self.delay:  # 0 is gap = 0
            structure = structure._replace(lateness=Seconds())
        return self.ladder, tiers, structure, schedule_of(self.depth), terms

    @cached_property
    def needs_mechanics(self) -> bool:
        """Whether a rule of part II of the model is on: then the general loop runs the paths."""
        on = self.venue.mechanics or self.layers or self.funding or self.events
        return bool(on) or any(map(self.book.has, (*ORDERS, PROTECTED)))

    @cached_property
    def mechanics(self) -> Mechanics:
        """What the general loop takes besides `kernel`."""
        from stress.engine import mechanics

        return mechanics.make_mechanics(self)

    @property
    def size(self) -> tuple[int, int, int]:
        """What a workspace is made for: positions, kinds of them, and steps."""
        return len(self.book), len(self.ladder.winners.kinds), self.day_steps

    @property
    def day_steps(self) -> int:
        """Steps that one book is run for: all of them, or those of a day."""
        return self.n_steps if self.renewal is None else self.n_steps // self.renewal.days

    @property
    def in_coin(self) -> bool:
        """Whether the fund is held in coin, so that its worth in USD follows the price."""
        return self.is_inverse or self.venue.fund_in == "coin"

    @cached_property
    def sampler(self) -> Any:
        """What draws the paths: the price model, or what draws its paths by the rarity of their rarest event."""
        if self.tail is None:
            return self.prices
        return RarestEvent(self.prices, self.tail, self.batch or self.n_paths, self.n_steps, self.step)

    @property
    def strata(self) -> Strata | None:
        """Strata of the paths, where these are drawn from parts of the model's law; None: plain paths."""
        strata = getattr(self.sampler, "strata", None)
        return strata if isinstance(strata, Strata) else None

    @cached_property
    def is_weighted(self) -> bool:
        """Whether the price model gives its paths weights: it does for all or for none, so path 0 decides."""
        return self.price_block(0, 1)[1] is not None

    def price_block(self, first: int, n: int) -> tuple[Prices, np.ndarray | None]:
        """Prices of the paths first .. first + n - 1, and their weights, float64[n]; None: all 1."""
        s0 = self.s0
        found = self.sampler.block(self.seed, first, n, self.n_steps, float(self.step))
        model = f"{type(self.prices).__name__}.block"
        try:
            made = found if isinstance(found, PriceBlock) else PriceBlock(*found)
        except TypeError:
            raise SimulationError(f"{model} gave no PriceBlock and no close, low, high, pre_jump") from None
        given = {name: a for name, a in made._asdict().items() if a is not None}
        floats = {name: a for name, a in ((name, as_floats(a)) for name, a in given.items()) if a is not None}
        if len(floats) < len(given):
            foreign = ", ".join(name for name in given if name not in floats)
            raise SimulationError(f"{model} gave {foreign} that is no array of real numbers")
        made = made._replace(**floats)
        if wrong := made.problems(n, self.n_steps, s0):
            raise SimulationError(f"{model} gave {'; '.join(wrong)}")
        pre_jump = made.close if made.pre_jump is None and made.low is not None else made.pre_jump
        arrays = {"close": made.close, "low": made.low, "high": made.high, "pre_jump": pre_jump}
        empty = np.zeros((0, 0))
        filled = {name: empty if a is None else np.require(a, np.float64, ["C", "W"]) for name, a in arrays.items()}
        if (strata := self.strata) is not None:
            if made.log_weight is not None:
                raise SimulationError(f"{model} gave log_weight beside its strata, whose weights are known")
            return Prices(**filled), strata.weight[strata.stratum_of(first, n)]
        if made.log_weight is None:
            return Prices(**filled), None
        # this exp has the same bits on every CPU
        return Prices(**filled), np.array([exp(float(x)) for x in made.log_weight])

    def traded_prices(self, prices: Prices) -> Prices:
        """Prices as the compiled side takes them: of an inverse contract 1/P, where low and high change places."""
        if not self.is_inverse:
            return prices
        close, low, high, pre_jump = prices
        return Prices(mirrored(close), mirrored(high), mirrored(low), mirrored(pre_jump))

    def outcomes(self, prices: Prices, first: int, fund: float, log: np.ndarray = NO_LOG) -> np.ndarray:
        """OUTCOME[n] of prices of n paths, numbered from `first`, with nothing counted; LOG[...] is overwritten."""
        prices = self.traded_prices(prices)
        out = np.zeros(prices.close.shape[0], OUTCOME)
        no_fan, no_cells = np.zeros((0, CHECKPOINTS)), as_float_view(np.zeros((out.size, 0), CELL))
        positions, kinds, steps = self.size
        steps = max(steps, prices.close.shape[1] - 1)
        workspace, no_counts = make_workspace(positions, kinds, steps), make_position_counts(0)
        if self.needs_mechanics:
            from stress.engine import mechanics

            mechanics.run_alone(self, prices, first, fund, workspace, out, log)
            return out
        kernel.run_paths(
            prices, first, NO_WEIGHTS, fund, *self.kernel, workspace, out, no_fan, no_cells, no_counts, log
        )  # fmt: skip
        return out

    def fund_needed(self, out: np.ndarray) -> np.ndarray:
        """Initial fund, USD or coin, that each path of OUTCOME[n] needs not to be depleted (`stress.results.sizing`).

        Where another layer stands before it in the waterfall, the initial capital of that.
        """
        first = next(iter(self.venue.cash_layers), FUND)
        floor = self.venue.reserve if first == FUND else self.cash_layers[first].floor
        return np.asarray(np.maximum(floor + out["net_loss_peak"], out["drawdown_need"]))

    @property
    def cash_layers(self) -> dict[str, Layer]:
        """The layers of the waterfall that hold cash, in order; the fund with its capital and its constant floor."""
        given = self.layers or {}
        fund = replace(given.get(FUND, Layer()), capital=self.fund, floor=min(self.venue.reserve, self.fund))
        return {name: fund if name == FUND else given[name] for name in self.venue.cash_layers}

    @property
    def depth_record(self) -> dict[str, Any] | None:
        """What the depth says of itself, and its share of the open interest of one side; None: infinite."""
        if self.depth is None or self.depth.usd is None:
            return None
        return self.depth.describe() | {"oi_share": self.depth.usd / self.book.open_interest(self.s0)}

    def describe(self) -> dict[str, Any]:
        """Everything as plain values, for the record; what is off is left out."""
        book = {"positions": len(self.book), "market": self.book.market, "sha256": self.book.digest()}
        orders = [name for name in ORDERS if self.book.has(name)]
        protected = int(self.book.protected.sum())
        layers = {name: layer.describe() for name, layer in (self.layers or {}).items()}
        more = {
            "delay": self.delay,
            "renewal": None if self.renewal is None else self.renewal.describe(),
            "layers": layers or None,
            "funding": None if self.funding is None else self.funding.describe(),
            "events": None if self.events is None else self.events.describe(),
            "tail": self.tail,
            "strata": None if self.strata is None else self.strata.describe(),
        }
        return {
            "book": book | ({"orders": orders} if orders else {}) | ({"protected": protected} if protected else {}),
            "venue": self.venue.describe(),
            "prices": self.model_record,
            "depth": self.depth_record,
            "paths": self.n_paths,
            "steps": self.n_steps,
            "step": self.step,
            "fund": self.fund,
            "gap": self.gap if self.delay is None else None,
            "jump_gap": self.jump_gap,
            "seed": self.seed,
        } | {name: value for name, value in more.items() if value is not None}

    def changed(self, **changes: Any) -> Design:
        """The design with other fields; also where it is the run of a saved result, which is built when asked."""
        return replace(self, **changes)

    def check(self, out: np.ndarray, first: int) -> None:
        """Refuse paths, numbered from `first`, that met an impossible price."""
        bad = np.flatnonzero(out["status"])
        if bad.size:
            path, step = first + int(bad[0]), int(out["where"][bad[0]])
            raise SimulationError(
                f"{bad.size} paths met a price that is not finite and positive, or a low or high inside its move: "
                f"first path {path} at step {step} with seed {self.seed}; look at it with "
                f"prices.block({self.seed}, {path}, 1, {self.n_steps}, {self.step})"
            )


def as_floats(array: Any) -> np.ndarray | None:
    """A float64 array of what a price model gave, the same where it is one; None if it holds no real numbers."""
    if type(array) is np.ndarray and array.dtype == np.float64:
        return array
    return numbers(array)


def with_paths(design: Design, n_paths: int) -> Design:
    """The design with another number of paths, of the same batches; what was built of it stays.

    Parameters
    ----------
    design : Design
        With a batch.
    n_paths : int
        A whole number of batches.
    """
    made = replace(design, n_paths=n_paths)
    kept = ("sampler", "model_record", "traded_book", "traded_levels", "classes", "ladder", "kernel", "mechanics")
    made.__dict__.update({name: design.__dict__[name] for name in kept if name in design.__dict__})
    return made


def build_shared(designs: Sequence[Design]) -> None:
    """Build what designs are run from; designs of one book, venue and first price share what depends on these alone."""
    made: dict[tuple[int, int, float], Design] = {}
    for design in designs:
        like = made.setdefault((id(design.book), id(design.venue), design.s0), design)
        for name in ("traded_book", "traded_levels", "classes", "ladder"):
            design.__dict__[name] = getattr(like, name)
        _ = design.mechanics if design.needs_mechanics else design.kernel
