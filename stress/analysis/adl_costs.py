"""What auto-deleveraging costs whom: haircuts, their concentration, and regret, with errors from the spread of paths.

Paths with an ADL event are run again with their event log; of more than `paths` of them a sample is, each with the
same probability, by which what was seen is divided. Regret is the result of an owner who was hit at the horizon, less
what it would have been on the same path under the same design without ADL: above zero the hit was a favour, since the
market turned. See docs/estimators.md, What ADL costs whom.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from stress import quantities
from stress.analysis.adl_events import FILL, HAIRCUTS, haircut, measure
from stress.analysis.adl_rows import COLUMNS, GROUPS, class_rows, summary_rows
from stress.analysis.without_adl import PathsWithoutAdl, without_adl
from stress.arguments import is_finite, is_whole, is_word
from stress.book.classes import BORDERS, merge
from stress.errors import InputError, Problem, raise_if
from stress.kernels.rules.records import SCORES
from stress.results.owners import Owners
from stress.results.pooled import Pool
from stress.results.replay import run_again
from stress.results.result import Result
from stress.venue.inverse import mirrored

if TYPE_CHECKING:
    from stress.engine.design import Design
    from stress.kernels.path.records import Prices

MARKOUTS = (300.0, 3600.0)  # seconds after an event
Group = Literal["leverage", "size", "side"]


@dataclass(frozen=True, eq=False)
class AdlCosts:
    """What ADL took on the paths of a run, and from whom.

    Attributes
    ----------
    events : DataFrame
        A row per path and event: `needed`, `taken`, `residual`, `over`, `under` (money; what was taken is profit raised
        or forgone against the mark), the same of contracts (nan where none are owed), `eligible`, `hit`, `hit_rate`,
        median, 90 % and worst haircut in each space, what the 1 % and 10 % of the eligible who bear most bear of the
        money (and, `..._contracts`, of the contracts), `gini`, `effective` (number of equal bearers), `inversions` of
        rank among `pairs` of eligible, `deficits`, and `ptsr` and `pmr` in the definitions of paper and code.
    fills : DataFrame
        A row per event and position hit: contracts `closed`, money `lost`, `haircut_profit`, `haircut_equity`,
        `haircut_contracts`, and markouts: what the closed contracts would have brought had they been kept, `cost_0` at
        the mark of the event and `cost_300`, `cost_3600`, `cost_end` s later at the price of then, below zero where the
        owner was spared a loss.
    hits : DataFrame
        A row per path and position hit: its class, its sums over events, its largest haircuts, `result` at the horizon,
        `result_without` ADL, `regret` (money, their difference: above zero a favour) and `regret_share` of the notional
        at S_0.
    paths : DataFrame
        A row per path that was run again: sums over its events, `regret` of those hit and `regret_of_others`.
    n_paths, n_with_event, n_looked_at : int
        Paths of the run, those with an event, and of these those that were run again.
    score : str
        By which rank inversions are counted.
    money : str
        "USD", or the coin of an inverse contract.
    """

    events: pd.DataFrame
    fills: pd.DataFrame
    hits: pd.DataFrame
    paths: pd.DataFrame
    n_paths: int
    n_with_event: int
    n_looked_at: int
    score: str
    money: str
    settlement: str
    pool: Pool
    positions: pd.DataFrame

    def __repr__(self) -> str:
        seen = f"{len(self.events):,} events and {len(self.hits):,} hits on {self.n_looked_at:,} paths"
        return f"<AdlCosts: {seen} of {self.n_with_event:,} with ADL, of {self.n_paths:,}>"

    def summary(self) -> pd.DataFrame:
        """The figures of the run.

        Returns
        -------
        DataFrame
            Long: `quantity`, `space` ("profit", "equity", "contracts", the money, or a count), `denominator`,
            `estimate`, `se`, `low`, `high` (95 %), `unit` ("share", the money, "contracts" or ""), `note`.
        """
        return pd.DataFrame(summary_rows(self), columns=COLUMNS)

    def by(self, group: Group, bins: Sequence[float] | None = None) -> pd.DataFrame:
        """The same by class: effective leverage at S_0, decile of notional at S_0, or side.

        Parameters
        ----------
        group : {"leverage", "size", "side"}
        bins : sequence of float, optional
            Borders of leverage, some of `stress.book.classes.BORDERS`; default: all of these.

        Returns
        -------
        DataFrame
            Long: `class` and its `lower` and `upper` end (leverage, USD; nan for a side), then as `summary`.
        """
        if not is_word(group, GROUPS):
            raise InputError(Problem("by", "one of " + ", ".join(GROUPS), value=group))
        if bins is not None and group != "leverage":
            raise InputError(Problem("bins", "none but by leverage", value=list(bins)))
        borders = BORDERS if bins is None else merge(bins)
        return pd.DataFrame(class_rows(self, group, borders), columns=["class", "lower", "upper", *COLUMNS])

    def table(self) -> pd.DataFrame:
        """`summary` and `by` of every group in one table.

        Returns
        -------
        DataFrame
            `group` ("all", "leverage", "size" or "side"), `class`, `lower`, `upper`, then as `summary`.
        """
        parts = [self.summary().assign(**{"group": "all", "class": "all", "lower": math.nan, "upper": math.nan})]
        parts += [self.by(group).assign(group=group) for group in GROUPS]
        return pd.concat(parts, ignore_index=True)[["group", "class", "lower", "upper", *COLUMNS]]


def adl_costs(
    result: Result,
    paths: int = 500,
    *,
    score: str | None = None,
    markouts: Iterable[float | str] = MARKOUTS,
    kept: PathsWithoutAdl | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> AdlCosts:
    """Find what ADL took from whom, and whether it was a favour.

    Parameters
    ----------
    result : Result
        Of one book, with ADL in its waterfall and with its run, since paths are run again, twice each.
    paths : int
        Most paths to run again, 1 or more. Of more paths with an event a sample is, addressed by the run's seed.
    score : str, optional
        Rank by which inversions are counted; by default the venue's, also where a sharing rule does not look at it.
    markouts : iterable of float
        Seconds after an event, above 0, or text such as "5min", at which closed contracts are valued.
    kept : PathsWithoutAdl, optional
        Of several designs on the same paths, what they share; default: nothing is kept.
    progress : callable, optional
        Called with the number of paths done and of all.

    Raises
    ------
    InputError
        If the run has no ADL, or no paths to run again, or is one of days.
    """
    times = _check(result, paths, score, markouts)
    design = result.design
    assert design is not None
    score = design.venue.score if score is None else score
    all_of_them = np.flatnonzero(result.paths["adl_events"].to_numpy() > 0)
    chosen = all_of_them
    if all_of_them.size > paths:
        rng = np.random.default_rng([design.seed, all_of_them.size, int(paths)])
        chosen = np.sort(rng.choice(all_of_them, int(paths), replace=False))
    share = chosen.size / all_of_them.size if all_of_them.size else 1.0
    at = (PathsWithoutAdl() if kept is None else kept).of(design, without_adl(design))
    events, fills, hits, rows = [], [np.zeros(0, FILL)], [], []
    costs: dict[float, list[np.ndarray]] = {time: [np.zeros(0)] for time in (0.0, *times, math.inf)}
    for done, path in enumerate(chosen):
        prices, without = at(int(path))
        of_path, filled, hit, row = _replay(design, prices, int(path), score, without)
        close = design.traded_prices(prices).close[0]
        for time, found in costs.items():
            found.append(_markout(design, close, filled, time))
        events += of_path
        fills.append(filled)
        hits.append(hit)
        rows.append(row)
        if progress is not None:
            progress(done + 1, chosen.size)
    positions = _positions(design)
    table = _fills(design, np.concatenate(fills), {time: np.concatenate(found) for time, found in costs.items()})
    return AdlCosts(
        events=pd.DataFrame(events),
        fills=table,
        hits=_hits(hits, table, positions, design.usd_of_money),
        paths=_paths(rows, events, result),
        n_paths=result.n_paths,
        n_with_event=int(all_of_them.size),
        n_looked_at=int(chosen.size),
        score=score,
        money=result.money,
        settlement=design.venue.settlement,
        pool=Pool(result.n_paths, share, result.weights),
        positions=positions,
    )


def _check(result: Result, paths: int, score: str | None, markouts: Iterable[float | str]) -> list[float]:
    """The markouts in seconds; whatever is wrong at once."""
    problems = []
    if not (is_whole(paths) and paths >= 1):
        problems.append(Problem("adl_costs", "a whole number from 1 on", column="paths", value=paths))
    if not (score is None or is_word(score, SCORES)):
        problems.append(Problem("adl_costs", "one of " + ", ".join(SCORES), column="score", value=score))
    times = []
    for given in markouts:
        time = quantities.seconds(given)
        if is_finite(time) and time > 0:
            times.append(float(time))
        else:
            problems.append(Problem("adl_costs", "seconds above 0", column="markouts", value=given))
    if not result.has_adl:
        problems.append(Problem("adl_costs", "a run with ADL in its waterfall"))
    if result.days is not None:
        expected = "a run of one book: of a run of days, each with a fresh one, nobody is followed"
        problems.append(Problem("adl_costs", expected))
    elif result.design is None:
        problems.append(Problem("adl_costs", "a result with its run, since its paths are run again"))
    raise_if(problems)
    return sorted(set(times))


def _replay(
    design: Design, prices: Prices, path: int, score: str, without: np.ndarray
) -> tuple[list[dict[str, Any]], np.ndarray, dict[str, np.ndarray], dict[str, float]]:
    """Events of a path, its fills, results of those hit with and without ADL, and sums of the path."""
    log, out = run_again(design, prices, path, design.fund)
    owners = Owners(design)
    events, fills = measure(design, path, log, owners, score)
    results = np.stack([owners.by_number(float(out["mark_end"][0])), without])
    hit = np.unique(fills["position"])
    regret = results[0] - results[1]
    row = {"path": path, "regret": float(regret[hit].sum())}
    row["regret_of_others"] = float(regret.sum()) - row["regret"]
    return events, fills, {"path": np.full(hit.size, path), "position": hit, "results": results[:, hit]}, row


def _markout(design: Design, close: np.ndarray, fills: np.ndarray, time: float) -> np.ndarray:
    """Money that closed contracts would have brought some seconds later, had they been kept, less what ADL gave.

    `close` are the prices of the path as the compiled side takes them, without the impact of orders.
    """
    side = -fills["side"] if design.is_inverse else fills["side"]
    gave = side * fills["closed"] * (fills["price"] - fills["mark"])  # against the mark
    if design.venue.settlement == "profit":
        gave = -fills["lost"]
    if time == 0.0:
        return np.asarray(-gave)
    last = close.size - 1
    step = np.full(fills.size, last) if math.isinf(time) else fills["step"] + round(time / design.step)
    kept = side * fills["closed"] * (close[np.minimum(step, last)] - fills["mark"])
    return np.asarray(np.where(step > last, math.nan, kept - gave))


def _fills(design: Design, fills: np.ndarray, costs: dict[float, np.ndarray]) -> pd.DataFrame:
    table = pd.DataFrame({name: fills[name] for name in ("path", "event", "step", "position", "price", "mark")})
    if design.is_inverse:  # logged in 1/P
        table[["price", "mark"]] = mirrored(table[["price", "mark"]].to_numpy())
    table["closed"], table["lost"] = fills["closed"], fills["lost"]
    for space in HAIRCUTS:
        table[f"haircut_{space}"] = haircut(fills, space)
    for time, cost in costs.items():
        table["cost_end" if math.isinf(time) else f"cost_{time:g}"] = cost
    table["notional"] = fills["closed"] * fills["mark"]
    return table


def _positions(design: Design) -> pd.DataFrame:
    """What the classes of positions are made of."""
    book, s0 = design.book, design.s0
    return pd.DataFrame(
        {
            "account": book.account,
            "side": np.where(book.side > 0, "long", "short"),
            "leverage": book.effective_leverage(s0),
            "notional": book.notional(s0),
            "leverage_class": design.classes["leverage_class"],
            "size_class": design.classes["size_class"],
        }
    )


def _hits(
    found: list[dict[str, np.ndarray]], fills: pd.DataFrame, positions: pd.DataFrame, usd_of_money: float
) -> pd.DataFrame:
    """A row per path and position hit; regret in coin is a share of the notional in coin."""
    keys = {name: np.concatenate([np.zeros(0, np.int64), *(f[name] for f in found)]) for name in ("path", "position")}
    results = np.concatenate([np.zeros((2, 0)), *(f["results"] for f in found)], axis=1)
    table = pd.DataFrame(keys).join(positions, on="position")
    spaces = [f"haircut_{space}" for space in HAIRCUTS]
    costs = [name for name in fills.columns if name.startswith("cost_")]
    sums = {"closed": "sum", "lost": "sum", "notional": "sum", "event": "count"} | dict.fromkeys(spaces, "max")
    of_hit = fills.groupby(["path", "position"], sort=True)
    unknown = fills[costs].isna().groupby([fills["path"], fills["position"]], sort=True).any()
    together = of_hit.agg(sums | dict.fromkeys(costs, "sum"))
    together[costs] = together[costs].mask(unknown)  # the path ends before
    together = together.rename(columns={"notional": "closed_notional", "event": "events"})
    table = table.join(together, on=["path", "position"])
    table["result"], table["result_without"] = results
    table["regret"] = results[0] - results[1]
    table["regret_share"] = table["regret"] * usd_of_money / table["notional"]
    return table


def _paths(rows: list[dict[str, float]], events: list[dict[str, Any]], result: Result) -> pd.DataFrame:
    """A row per path that was run again."""
    names = ["needed", "taken", "residual", "over", "under", "needed_contracts", "taken_contracts", "over_contracts",
             "under_contracts", "eligible", "hit", "inversions", "pairs"]  # fmt: skip
    table = pd.DataFrame(rows, columns=["path", "regret", "regret_of_others"])
    sums = pd.DataFrame(events, columns=["path", *names]).groupby("path")[names]
    table = table.join(sums.sum(min_count=1), on="path").join(sums.size().rename("events"), on="path")
    table["weight"] = result.paths["weight"].to_numpy()[table["path"].to_numpy(np.int64)]
    return table
