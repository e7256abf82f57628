"""Several designs of auto-deleveraging on the same paths: what each costs whom, and what a larger fund would change.

All designs have the crowd, the prices and the seed of the scenario (common random numbers), so that a difference is
that of the designs alone, path by path. Who is hit, and how hard, is found by running the paths with ADL again
(`stress.adl_costs`). A haircut has a space: share of the profit, the equity or the contracts of the one who is hit; the
three are never added or compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from stress.analysis import adl_frontier, cases
from stress.analysis.adl_costs import AdlCosts, adl_costs
from stress.analysis.adl_events import HAIRCUTS
from stress.analysis.adl_rows import SAME
from stress.analysis.study import REQUIRED_FUND
from stress.analysis.without_adl import PathsWithoutAdl
from stress.arguments import is_whole
from stress.errors import InputError, Problem
from stress.results import comparison, paired_ratios
from stress.results.estimate import Estimate, event_probability, mean
from stress.results.paired_ratios import Sums
from stress.results.ratios import ratio
from stress.results.result import Result
from stress.scenario.designs import DesignsTable
from stress.scenario.scenario import Scenario

REPLAYS = 100  # paths with ADL that are run again, of each design
P_ADL = comparison.ADL_EVENT
COLUMNS = (
    "design", "quantity", "space", "denominator", "estimate", "se", "low", "high", "difference", "difference_low",
    "difference_high", "note",
)  # fmt: skip
PARTS = ("hit rate", "inversions of rank", "hits that were a favour")  # shares of what is counted


@dataclass(frozen=True, eq=False)
class AdlDesigns:
    """Designs on the same paths.

    Attributes
    ----------
    results : dict of str to Result
        By design, in the order in which they were given. Differences are those from the first.
    costs : dict of str to AdlCosts
        What each takes from whom; none of a design without ADL in its waterfall, or of a run of days.
    cases : dict of str to dict
        What each design sets, by dotted key of the scenario.
    alphas : tuple of float
        Probabilities of depletion that the fund is asked for.
    held : tuple of str
        What is held fixed where the scenario has a range of answers.
    """

    results: dict[str, Result]
    costs: dict[str, AdlCosts]
    cases: dict[str, dict[str, Any]]
    alphas: tuple[float, ...]
    held: tuple[str, ...] = ()
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)

    def __repr__(self) -> str:
        n = next(iter(self.results.values())).n_paths
        return f"<AdlDesigns: {', '.join(self.results)}; {n:,} paths>"

    def table(self) -> pd.DataFrame:
        """What every design does, and how far it is from the first.

        Returns
        -------
        DataFrame
            A row per design and quantity: `quantity`, `space` (what it is in: "profit", "equity" and "contracts" are
            haircuts as shares of these, "USD" or a coin is money, otherwise a count or a probability), `denominator`
            (what it is a mean or a share of), `estimate`, `se`, `low`, `high` (95 %), `difference` from the first
            design with `difference_low`, `difference_high` (95 %, paired path by path; nan where there is none), and
            `note`. A haircut is that of a hit in its event: the worst of a path is averaged over the paths with ADL,
            the 90 % one of an event over the events.
        """
        if "table" not in self._tables:
            rows = [row for name in self.results for row in self._rows(name)]
            self._tables["table"] = pd.DataFrame(rows, columns=list(COLUMNS))
        return self._tables["table"].copy()

    def frontier(self, funds: Sequence[float] | None = None, replays: int = adl_frontier.REPLAYS) -> pd.DataFrame:
        """P(ADL) and the worst haircut of a path by the size of the fund, for every design.

        Parameters
        ----------
        funds : sequence of float, optional
            Initial funds, in the money of the run; by default five by equal ratios, from the fund that is there (at
            least the need of every tenth path with any) to the need of one path in a thousand.
        replays : int
            Most paths with ADL that are run again, for each design and fund; of more of them a sample is. At the fund
            of the run those that `costs` is made of are not run a third time.

        Returns
        -------
        DataFrame
            A row per design, fund and space: `design`, `fund`, `p_adl` with `p_low`, `p_high`; `space`, `worst` (mean
            over the paths with ADL of their worst haircut) with `se`, `low`, `high`, `largest` (the largest that was
            seen, a lower bound of the largest there is), `paths` (with ADL) and `looked_at` of them.

        Raises
        ------
        InputError
            If a fund is no number of 0 or more.
        """
        return adl_frontier.frontier(self.results, self.costs, funds, replays)

    def _rows(self, name: str) -> Iterator[dict[str, Any]]:
        first = next(iter(self.results))
        base, result = self.results[first], self.results[name]
        none = Estimate(math.nan, math.nan, math.nan, math.nan)

        def row(quantity: str, space: str, denominator: str, e: Estimate, d: Estimate) -> dict[str, Any]:
            d = Estimate(0.0, 0.0, 0.0, 0.0) if name == first and not math.isnan(e.value) else d
            values = (name, quantity, space, denominator, e.value, e.se, e.low, e.high, d.value, d.low, d.high, e.note)
            return dict(zip(COLUMNS, values, strict=True))

        event = comparison.EVENTS[P_ADL]
        hit = event_probability(event(result.paths).to_numpy(), result.weights)
        yield row(P_ADL, "probability", "paths", hit, comparison.event_apart(base, result, event))
        for alpha in self.alphas:
            if result.curve_refused:
                found, d = replace(none, note=result.curve_refused), none
            else:
                found = result.required_fund(alpha)
                d = _fund_apart(base, result, alpha)
            yield row(f"{REQUIRED_FUND} for {alpha:g}", result.money, "", found, d)
        left = result.paths["residual"].to_numpy()
        d = comparison.mean_apart(base, result, base.paths["residual"].to_numpy(), left)
        yield row("residual", result.money, "paths", mean(left, 0.0, result.weights), d)
        if name not in self.costs:
            return
        mine, others = _sums(self.costs[name]), _sums(self.costs[first]) if first in self.costs else {}
        for key, (sums, note) in mine.items():
            pool = self.costs[name].pool
            if key[0] in PARTS:  # one more hit counts as a whole, so that a share of 0 has its upper bound
                e = ratio(sums.numerator, sums.denominator, result.weights, 1.0 / pool.share)
            else:
                e = pool.ratio(sums.numerator, sums.denominator)
            d = paired_ratios.apart(others[key][0], sums, result.weights) if key in others else none
            yield row(*key, replace(e, note="; ".join(filter(None, [note, e.note]))), d)
        for space in HAIRCUTS:
            largest = float(self.costs[name].fills[f"haircut_{space}"].max())
            seen = Estimate(largest, math.nan, largest, math.nan, "the largest that was seen, a lower bound")
            yield row("largest haircut", space, "all hits", seen, none)


def _fund_apart(base: Result, result: Result, alpha: float) -> Estimate:
    """The difference of two required funds; exactly none where every path needs the same, or where there is none."""
    if not comparison.both_sized(base, result):
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    if base.paths["fund_needed"].equals(result.paths["fund_needed"]):
        return Estimate(0.0, 0.0, 0.0, 0.0)
    return comparison.fund_apart(base, result, alpha)


def _sums(costs: AdlCosts) -> dict[tuple[str, str, str], tuple[Sums, str]]:
    """Every quantity that is a ratio of sums over paths, by its name, space and denominator, with a note."""
    if costs.events.empty:
        return {}
    pool, events, fills, hits, money = costs.pool, costs.events, costs.fills, costs.hits, costs.money
    paths = costs.paths["path"].to_numpy(np.int64)
    note = "" if costs.n_looked_at == costs.n_with_event else (
        f"{costs.n_looked_at:,} of {costs.n_with_event:,} paths with ADL were run again"
    )  # fmt: skip
    per_path = pool.sums(paths)
    found: dict[tuple[str, str, str], tuple[Sums, str]] = {}

    def put(key: tuple[str, str, str], of: pd.DataFrame, values: Any, counts: Any = None, said: str = "") -> None:
        values = np.asarray(values, float)
        counts = np.ones(values.size) if counts is None else np.asarray(counts, float)
        known = np.isfinite(values) & np.isfinite(counts)
        path = of["path"].to_numpy(np.int64)[known]
        sums = Sums(pool.sums(path, values[known]), pool.sums(path, counts[known]))
        found[key] = sums, "; ".join(filter(None, [said, note]))

    put(("hit rate", "share", "eligible"), events, events["hit"], events["eligible"])
    found["positions hit", "count", "paths with ADL"] = Sums(pool.sums(hits["path"].to_numpy(np.int64)), per_path), note
    for space in HAIRCUTS:
        of_path = events.groupby("path")[f"worst_{space}"].max().reset_index()
        put(("worst haircut", space, "paths with ADL"), of_path, of_path[f"worst_{space}"])
        put(("90 % haircut", space, "events"), events, events[f"p90_{space}"])
        put(("mean haircut", space, "hits"), fills, fills[f"haircut_{space}"])
    for column, words in (
        ("top_1", "borne by the top 1 %"), ("top_10", "borne by the top 10 %"), ("gini", "Gini"),
        ("effective", "effective number of bearers"),
    ):  # fmt: skip
        put((words, "count" if column == "effective" else "share", "money, by event"), events, events[column])
    put(("inversions of rank", "share", "pairs of eligible"), events, events["inversions"], events["pairs"],
        f"by {costs.score}")  # fmt: skip
    put(("regret", money, "hits"), hits, hits["regret"])
    put(("regret by contracts closed", "share", "notional closed at the mark"), hits, hits["regret"],
        hits["closed_notional"])  # fmt: skip
    put(("hits that were a favour", "share", "hits"), hits, hits["regret_share"] > SAME)
    return found


def adl_designs(
    scenario: Scenario | Any,
    designs: Mapping[str, Mapping[str, Any]] | None = None,
    paths: int | None = None,
    *,
    replays: int = REPLAYS,
    threads: int | None = None,
    progress: cases.Progress | None = None,
) -> AdlDesigns:
    """Run designs of ADL on the same paths.

    Parameters
    ----------
    scenario : Scenario or path
    designs : mapping of str to mapping, optional
        Of each design the keys of [venue] and [fund] that it sets, such as {"pro_rata": {"policy": "pro_rata"}}; by
        default the table [designs] of the scenario.
    paths : int, optional
        By default those of the scenario.
    replays : int
        Most paths with ADL to run again, of each design, to see who is hit: 1 or more.
    threads, progress
        As in `stress.simulate`.

    Returns
    -------
    AdlDesigns

    Raises
    ------
    InputError
        If there are no designs, a key or a value does not fit the scenario, or a design has another crowd.
    """
    start = cases.read(scenario, None, "adl_designs")
    table = start.designs if designs is None else DesignsTable(**{str(k): v for k, v in dict(designs).items()})
    if table is None:
        raise InputError(Problem(start.where, "a table for each design, such as [designs.pro_rata]", column="designs"))
    if not (is_whole(replays) and replays >= 1):
        raise InputError(Problem("adl_designs", "a whole number from 1 on", column="replays", value=replays))
    if designs is not None and (problems := list(table.problems(start))):
        raise InputError(problems)
    start = cases.read(start, paths, "adl_designs")
    made = cases.designs(start, list(table.cases.values()), "designs")
    digests = [design.book.digest() for design in made]
    for name, digest in zip(table.cases, digests, strict=True):
        if digest != digests[0]:
            expected = f"the crowd of {next(iter(table.cases))}: this design would draw another"
            raise InputError(Problem("designs", expected, column=f"designs.{name}"))
    results = dict(zip(table.cases, cases.run(made, threads, progress), strict=True))
    kept = PathsWithoutAdl()
    costs = {
        name: adl_costs(result, replays, markouts=(), kept=kept)
        for name, result in results.items()
        if result.has_adl and result.days is None  # of days with a fresh book each nobody is followed
    }
    held = cases.held(start, [key for case in table.cases.values() for key in case])
    return AdlDesigns(results, costs, dict(table.cases), tuple(start.fund.alphas), tuple(held))
