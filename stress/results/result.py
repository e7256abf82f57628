"""Results of a run: per path, per position, per class of leverage.

A `Result` holds tables and answers questions about them; it draws nothing and writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stress.adjustments import Adjustment
from stress.arguments import is_whole, is_word
from stress.book import classes
from stress.errors import InputError, Problem
from stress.formatting import amount, percent
from stress.kernels.path.counts import SHARE_UNIT
from stress.notebook import card
from stress.results import mechanics, more_columns, rates, replay
from stress.results.estimate import Estimate, event_probability, hit_interval, mean
from stress.results.weights import Weights
from stress.venue.markets import money_of

if TYPE_CHECKING:
    from stress.engine.blocks import PathBlock
    from stress.engine.design import Design
    from stress.results.horizon import Horizon

ROUNDING = 1e-12  # of the numbers that a difference is made of
PATH_COLUMNS = (
    "net_loss_peak", "deficit", "inflow", "fund_end", "depleted", "depletion_step", "liquidated_count",
    "liquidated_quantity", "adl_count", "adl_quantity", "adl_usd", "residual", "weight",
    "fund_needed", "fund_low", "adl_events", "adl_seen", "longs_reached", "shorts_reached",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Result:
    """The tables of a run.

    Attributes
    ----------
    paths : DataFrame
        A row per path. Money in USD, quantities in coins; of an inverse contract in coin and in contracts.

        - `net_loss_peak`: D*, peak of deficits less inflows had the fund been unlimited
        - `deficit`: sum of trial deficits; `inflow`: what liquidations paid into the fund
        - `fund_end`, `fund_low`: balance at the end, and the lowest
        - `depleted`: whether a deficit was not paid in full; `depletion_step`: when first (1..T), or -1
        - `liquidated_count`, `liquidated_quantity`: positions, and coins at that moment
        - `adl_events`, `adl_count`, `adl_quantity`, `adl_usd`: times that losses fell on winners, distinct positions
          hit, coins closed on them, and money raised (settlement "profit") or profit forgone against the mark
          ("bankruptcy")
        - `adl_seen`: positions looked at in those events, a measure of work
        - `residual`: what is left unpaid
        - `longs_reached`, `shorts_reached`: how many of each side, in the order of `liquidation_rank`, are gone:
          liquidated, or closed by ADL before the price came to them
        - `fund_needed`: the path is depleted if and only if its initial fund is smaller
        - `weight`: likelihood ratio of the path under the price model over the law it was drawn from, by which every
          estimate weights it (`stress.results.estimate`); 1 for plain Monte Carlo
        - `stratum`: which of `strata` the path is drawn from; only where there are strata

        Where their rules are on also:

        - `partial_count`, `partial_quantity`: cuts of a part of a position, and coins closed by them
        - `takeover_count`, `takeover_quantity`: positions and coins that the carrier took over; `inventory_loss`: its
          loss from them, realised and at the last mark; `carrier_low`: the least that it was worth
        - `stop_count`, `stop_quantity`, `take_profit_count`: positions closed by orders of their traders, and coins
        - `call_count`: margin calls; `topped_up`: paid in; `call_closed_count`: positions closed at their deadline
        - `waiting_peak`: most positions that waited for throughput or an outage at the end of a step
        - `socialised`: loss shared at the end; `haircut`: as a share of what it was taken from
        - `funding_paid`: what changed hands; `funding_outside`: net received by who holds the difference of the sides
        - `drawn_fund`, `drawn_vault`, `drawn_house`: what each layer paid for deficits and price differences
    positions : DataFrame
        A row per position: what it is, its notional and `effective_leverage` at S_0, its liquidation and bankruptcy
        price, `liquidation_rank` (how many of its side go before it), its classes (`stress.book.classes`), and over
        paths its `liquidation_rate`, `bankruptcy_rate`, `adl_rate` (95 % Wilson intervals in `..._low`, `..._high`) and
        `adl_share`, the mean share closed by ADL (both where ADL is in the waterfall). Where their rules are on also
        `stop` and `take_profit`, and `partial_rate`, `takeover_rate`, `stop_rate`, `take_profit_rate`, `call_rate` with
        intervals. With detail "paths" neither classes nor rates.
    fund_at : float64[k, 25]
        Balance of the fund, USD, or of the layer that stands before it (of a carrier its worth), at the start and at 24
        evenly spaced times up to the horizon, on the first paths of the run, 10,000 at most.
    cells : DataFrame
        A row per path and cell where a deficit or ADL happened, see `stress.results.rates`.
    config : dict
        Everything that was run, as plain values.
    provenance : dict
        Versions that made it.
    design : Design or None
        What is needed to run a path again.
    adjustments : tuple of Adjustment
        What was done to book, bars and prices on the way here.
    days : DAY_ROW[n_paths, days] or None
        Of a run whose book is renewed each day (`stress.engine.renewal`): what each day did to the fund. The table of
        paths then holds what all days make together: sums, the lowest `fund_low`, `net_loss_peak` with the income.
    """

    paths: pd.DataFrame
    positions: pd.DataFrame
    fund_at: np.ndarray
    cells: pd.DataFrame
    config: dict[str, Any]
    provenance: dict[str, Any]
    design: Design | None = field(default=None, repr=False)
    adjustments: tuple[Adjustment, ...] = field(default=(), repr=False)
    days: np.ndarray | None = field(default=None, repr=False)
    _rates: dict[Any, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def assemble(cls, design: Design, block: PathBlock, provenance: dict[str, Any]) -> Result:
        """A Result from the block of all paths."""
        config = design.describe()
        begun = mechanics.capital(config, mechanics.first_layer(config))
        fund_at = np.column_stack([np.full(len(block.fund_at), begun), block.fund_at])
        paths, positions = _paths(design, block, config), _positions(design, block, config)
        return cls(
            paths, positions, fund_at, pd.DataFrame(block.cells), config, provenance, design,
            design.adjustments, block.days if design.renewal is not None else None,
        )  # fmt: skip

    def __repr__(self) -> str:
        depleted = self.depletion_probability()
        return f"<Result: {self.n_paths:,} paths, fund {amount(self.fund, self.money)}, P(fund depleted) {depleted}>"

    def _repr_html_(self) -> str:
        rows = {row.quantity: _shown(row) for row in self.summary().itertuples()}
        title = f"{self.n_paths:,} paths, initial fund {amount(self.fund, self.money)}"
        return card(title, rows, ["95 % intervals in brackets"])

    @property
    def n_paths(self) -> int:
        """Number of paths."""
        return len(self.paths)

    @property
    def fund(self) -> float:
        """Initial insurance fund, USD."""
        return float(self.config["fund"])

    @cached_property
    def weights(self) -> Weights | None:
        """Weights and strata of the paths; None where all weigh exactly 1 and there are no strata."""
        stratum = self.paths["stratum"].to_numpy() if "stratum" in self.paths else None
        return Weights.of(Weights(self.paths["weight"].to_numpy(), stratum))

    @property
    def strata(self) -> pd.DataFrame:
        """The strata that paths were drawn from.

        Returns
        -------
        DataFrame
            A row per stratum: where the price model made them `coordinate` (which of its rarities is the smallest) and
            `from`, `to` (between which it lies); `probability`, `paths`, and `hits`, the depleted of these. No rows
            where paths are of one law.
        """
        known = self.config.get("strata") or {"probability": []}
        names = [name for name in ("coordinate", "from", "to", "probability") if name in known]
        table = pd.DataFrame({name: known[name] for name in names})
        stratum = self.paths["stratum"].to_numpy() if "stratum" in self.paths else np.zeros(0, np.int64)
        depleted = stratum[self.paths["depleted"].to_numpy(bool)[: stratum.size]]
        paths, hits = (np.bincount(x, minlength=len(table)) for x in (stratum, depleted))
        return table.assign(paths=paths, hits=hits).rename_axis("stratum")

    @property
    def counts_positions(self) -> bool:
        """Whether liquidation and ADL were counted per position (detail "positions")."""
        return "liquidation_rate" in self.positions

    @property
    def reserve(self) -> float:
        """What the venue's ADL rules keep in the fund, USD: the smallest initial fund."""
        return float(self.config["venue"]["reserve"])

    @property
    def money(self) -> str:
        """What the fund and all losses are in: "USD", or the coin of an inverse contract."""
        venue = self.config["venue"]
        return money_of(venue.get("contract"), venue.get("market", ""))

    @property
    def usd_of_money(self) -> float:
        """USD at S_0 of a unit of that money: 1, or the price at the start."""
        return 1.0 if self.money == "USD" else float(self.config["prices"]["s0"])

    @property
    def horizon(self) -> Horizon:
        """Ruin, recovery and the needed fund of a run of days; of another run an InputError."""
        from stress.results.horizon import Horizon

        return Horizon.of(self)

    @property
    def has_adl(self) -> bool:
        """Whether ADL stands in the waterfall; where it does not, no table or figure speaks of it."""
        return mechanics.has_adl(self.config)

    @property
    def layer(self) -> str:
        """The layer that is sized: the first of the waterfall that holds money, "fund" unless the venue says else."""
        return mechanics.first_layer(self.config)

    @property
    def capital(self) -> float:
        """What that layer begins with, USD: the insurance fund, unless another one stands first."""
        return mechanics.capital(self.config, self.layer)

    @property
    def least(self) -> float:
        """What that layer keeps, USD: its smallest capital; of the fund the reserve."""
        return mechanics.floor(self.config, self.layer)

    def depletion_probability(self) -> Estimate:
        """P(a deficit is not paid in full) with the run's own fund."""
        return event_probability(self.paths["depleted"].to_numpy(), self.weights, self._severity)

    @property
    def _severity(self) -> np.ndarray:
        """How near each path came to a first unpaid deficit: what it needs, or its losses where that does not say."""
        column = "net_loss_peak" if self.curve_refused else "fund_needed"
        return np.asarray(self.paths[column].to_numpy(float))

    def depletion_curve(self, funds: npt.ArrayLike | None = None) -> pd.DataFrame:
        """P(a deficit is not paid in full) for each initial fund, from this one run.

        Parameters
        ----------
        funds : array_like, optional
            Initial funds, USD, at least the venue's reserve; by default an even grid up to the largest need.

        Returns
        -------
        DataFrame
            Columns fund, probability, low, high: 95 % intervals, exact for paths of weight 1. Of a run with strata a
            probability that rests on too little is nan, withheld, between 0 and its upper bound `high`.

        Raises
        ------
        InputError
            With the reason, where the curve does not follow from one run (`curve_refused`).
        """
        from stress.results import sizing

        self.check_curve("depletion_curve")
        needed = self.paths["fund_needed"].to_numpy()
        if funds is None:
            funds = sizing.fund_grid(needed, self.capital, self.least)
        return sizing.depletion_curve(needed, funds, self.least, self.weights)

    def required_fund(self, alpha: float | str) -> Estimate:
        """The smallest initial fund that is depleted with probability at most alpha (0.01 or "1 %"), USD.

        Where alpha is too small for the number of paths the answer is a bound and `note` says how many it would take.
        """
        from stress.results import sizing

        self.check_curve("required_fund")
        found = sizing.required_fund(self.paths["fund_needed"].to_numpy(), alpha, self.least, self.weights)
        return replace(found, unit=self.money)

    def layers(self) -> pd.DataFrame:
        """What each layer of the waterfall that holds cash paid.

        Returns
        -------
        DataFrame
            A row per layer, see `stress.results.mechanics.layers`.
        """
        return mechanics.layers(self)

    @property
    def haircut(self) -> Estimate:
        """Mean share of profits (or equity) that a socialised loss takes.

        Raises
        ------
        InputError
            If no loss is socialised.
        """
        if "haircut" not in self.paths:
            raise InputError(Problem("result", "a run whose waterfall ends with socialise", column="haircut"))
        return mean(self.paths["haircut"].to_numpy(), 0.0, self.weights)

    @property
    def curve_refused(self) -> str:
        """Why this run alone does not size the fund, so that `stress.fund_grid` has to; "" where it does."""
        from stress.results import sizing

        return sizing.curve_refused(self.config)

    def check_curve(self, what: str) -> None:
        """Refuse what only a run that sizes the fund can answer, with the reason."""
        if why := self.curve_refused:
            expected = f"a run that sizes its {self.layer}: {why}. stress.fund_grid runs a grid of it"
            raise InputError(Problem(what, expected))

    def by_leverage(self, bins: Sequence[float] | None = None, side: classes.Side | None = None) -> pd.DataFrame:
        """Liquidation, bankruptcy and ADL rates by effective leverage at S_0.

        Parameters
        ----------
        bins : sequence of float, optional
            Borders, some of `stress.book.classes.BORDERS`: buckets merge the run's classes and cannot cut them.
        side : {"long", "short"}, optional
            One side only.

        Returns
        -------
        DataFrame
            A row per bucket; columns as in `stress.results.rates.rates`.
        """
        return self.rates_by("leverage", bins, side)

    def rates_by(
        self, by: classes.By, bins: Sequence[float] | None = None, side: classes.Side | None = None
    ) -> pd.DataFrame:
        """As `by_leverage`, by "leverage", by "set_leverage" or by "size", the decile of notional at S_0."""
        if not self.counts_positions:
            raise InputError(Problem("result", "a run with detail='positions', which rates by class need"))
        bins = None if bins is None else classes.merge(bins).tolist()
        key = (str(by), None if bins is None else tuple(bins), str(side))
        if key not in self._rates:  # a report shows the same table in several places
            self._rates[key] = rates.rates(self.positions, self.paths, self.cells, by, bins, side)
        return self._rates[key].copy()

    def by_side(self, by: classes.By = "leverage", bins: Sequence[float] = ()) -> pd.DataFrame:
        """Rates of longs and of shorts, in one bucket each or in each bucket; a column `side` in front."""
        parts = []
        for side in ("long", "short"):
            if (self.positions["side"] == side).any():
                rows = self.rates_by(by, None if is_word(by, ("size",)) and not len(bins) else bins, side)
                rows.insert(0, "side", side)
                parts.append(rows)
        return pd.concat(parts, ignore_index=True)

    def replay_path(self, path: int) -> pd.DataFrame:
        """Event log of one path: what happened to whom, at what price, in order.

        Returns
        -------
        DataFrame
            A row per event, in order: `step` and `time` (seconds), `event` (liquidation; shortfall: an ADL event
            begins; adl: a winner is closed; residual), `position` (its number; -1 for shortfall and residual),
            `account` and `side` of the position (shortfall and residual: the side whose loss it is), `price`,
            `quantity` closed, `money` from the venue's side (liquidation: margin left, or the deficit below zero; adl:
            money raised or profit forgone; shortfall and residual: below zero), `fund` after it, `position_left`.

            Where their rules are on also: cut (part of a position is closed), takeover (by the carrier), sale (of what
            it took over), stop and take_profit (a trader's order), call, top_up and deadline (a position is called,
            pays in, or is closed at its deadline), layer (one other than the first pays; `account` is its name),
            socialised and funding.
        """
        if self.design is None:
            raise InputError(Problem("result", "a run; this result was made without its run and cannot be run again"))
        if not (is_whole(path) and 0 <= path < self.n_paths):
            expected = f"a path of {self.n_paths:,}, numbered from 0"
            raise InputError(Problem("result", expected, column="path", value=path))
        return replay.replay(self.design, int(path))

    def summary(self) -> pd.DataFrame:
        """The answers of the run in a few lines: quantity, estimate, se, low, high, unit; of ADL where there is any.

        Of a run with strata also `flag`: in a few words what an estimate lacks, or why it is withheld (nan).
        """
        paths, weights = {name: column.to_numpy() for name, column in self.paths.items()}, self.weights
        liquidated = paths["liquidated_count"] / len(self.positions)
        lines = {
            "P(a deficit occurs)": (event_probability(paths["deficit"] > 0, weights), ""),
            mechanics.depletion(self.config): (self.depletion_probability(), ""),
            "P(somebody is auto-deleveraged)": (event_probability(paths["adl_count"] > 0, weights, self._severity), ""),
            "P(a residual is left)": (event_probability(paths["residual"] > 0, weights, self._severity), ""),
            "mean liquidated share of positions": (mean(liquidated, weights=weights), ""),
            "mean deficit": (mean(paths["deficit"], 0.0, weights), self.money),
            "mean raised or forgone by ADL": (mean(paths["adl_usd"], weights=weights), self.money),
            "mean residual": (mean(paths["residual"], 0.0, weights), self.money),
        }
        if not self.has_adl:
            del lines["P(somebody is auto-deleveraged)"], lines["mean raised or forgone by ADL"]
        rows = [(name, e.value, e.se, e.low, e.high, unit) for name, (e, unit) in lines.items()]
        table = pd.DataFrame(rows, columns=["quantity", "estimate", "se", "low", "high", "unit"])
        if weights is None or weights.stratum is None:
            return table
        return table.assign(flag=[e.note if e.is_withheld else e.flag for e, _ in lines.values()])


def _shown(row: Any) -> str:
    """A line of the summary with its unit and interval."""
    if row.unit or row.quantity.startswith("P("):
        text = str(Estimate(row.estimate, row.se, row.low, row.high, unit=row.unit or "probability"))
        return f"{text} [{row.flag}]" if getattr(row, "flag", "") else text
    return f"{percent(row.estimate)} ({percent(row.low)} to {percent(row.high)})"


def _paths(design: Design, block: PathBlock, config: Mapping[str, Any]) -> pd.DataFrame:
    """The table of paths from the block of all paths."""
    out = block.out
    columns = {name: out[name] for name in out.dtype.names or ()} | {
        "fund_low": _without_rounding(out["fund_low"], out["inflow"] + out["deficit"]),
        "depleted": out["depletion_step"] > 0,
        "weight": block.weight,
        "fund_needed": design.fund_needed(out),
    }
    added = {name: block.more[name] for name in more_columns.path_columns(config)}
    columns |= _reached(design, out)
    if (strata := design.strata) is not None:
        added["stratum"] = strata.stratum_of(0, out.size)
    return pd.DataFrame({name: columns[name] for name in PATH_COLUMNS} | added).rename_axis("path")


def _reached(design: Design, out: np.ndarray) -> dict[str, np.ndarray]:
    """How many of each side are gone; the compiled side has those of an inverse contract the other way round."""
    longs, shorts = out["longs_reached"], out["shorts_reached"]
    if design.is_inverse:
        longs, shorts = shorts, longs
    return {"longs_reached": longs, "shorts_reached": shorts}


def _without_rounding(values: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Values with 0 for what rounding has left of numbers of some size: a table has no -5e-20."""
    return np.where(np.abs(values) <= ROUNDING * size, 0.0, values)


def _positions(design: Design, block: PathBlock, config: Mapping[str, Any]) -> pd.DataFrame:
    """The table of positions from the block of all paths."""
    book, s0, n_paths = design.book, design.s0, block.out.size
    gone = _reached(design, block.out)
    ladder = design.kernel[0]
    place = np.empty(len(book), np.int64)
    place[ladder.number] = np.arange(len(book))
    rank = np.where(design.traded_book.side > 0, place, place - ladder.longs)
    frame = book.to_frame()
    frame["notional"] = book.notional(s0)
    frame["effective_leverage"] = book.effective_leverage(s0)
    for name, levels in zip(("liquidation_price", "bankruptcy_price"), design.levels, strict=True):
        frame[name] = _without_rounding(levels, book.entry_price)
    frame["liquidation_rank"] = rank
    if design.detail == "paths":
        return frame.rename_axis("position")
    counts = {name: np.zeros(len(book), np.int64) for name in ("bankrupt", "adl", "adl_share", "spared")}
    for name, count in counts.items():
        count[block.position_counts["number"]] = block.position_counts[name]
    weights = Weights.of(block.weight)
    unit = SHARE_UNIT if design.is_weighted else 1.0
    bankrupt, adl, spared = (counts[name] / unit for name in ("bankrupt", "adl", "spared"))
    reached = np.where(
        book.side > 0, _weight_beyond(gone["longs_reached"], rank, weights),
        _weight_beyond(gone["shorts_reached"], rank, weights),
    )  # fmt: skip
    for name, index in design.classes.items():
        frame[name] = index
    known = {"liquidation": reached - spared, "bankruptcy": bankrupt}
    for name, hits in (known | ({"adl": adl} if mechanics.has_adl(config) else {})).items():
        frame[f"{name}_rate"] = hits / n_paths
        frame[f"{name}_low"], frame[f"{name}_high"] = hit_interval(hits, n_paths, weights)
    if mechanics.has_adl(config):
        frame["adl_share"] = counts["adl_share"] / SHARE_UNIT / n_paths
    frame = frame.assign(**more_columns.position_rates(config, block, len(book), design.is_weighted))
    return frame.rename_axis("position")


def _weight_beyond(reach: np.ndarray, rank: np.ndarray, weights: Weights | None) -> np.ndarray:
    """Weight of the paths on which the price has passed each rank, float64[len(rank)]."""
    order = np.argsort(reach, kind="stable")
    passed = np.searchsorted(reach[order], rank, side="right")  # paths that stopped before
    if weights is None:
        return (reach.size - passed).astype(float)
    return np.append(np.cumsum(weights.value[order][::-1])[::-1], 0.0)[passed]
