"""Named designs on one market: the same price paths for all of them (common random numbers).

What differs between two designs of a study, path by path, is the design alone. Results come in one long table: a row
per design and quantity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from stress.arguments import is_word, wrong_types
from stress.engine import footprint, scheduling
from stress.engine.blocks import PathBlock
from stress.engine.design import Design, build_shared
from stress.engine.run_blocks import BlockSink, check_workers, run_blocks
from stress.errors import InputError, Problem, raise_if
from stress.memory import gigabytes
from stress.provenance import provenance
from stress.results import comparison, mechanics
from stress.results.estimate import Estimate
from stress.results.result import Result

REQUIRED_FUND = "required fund"  # quantity with an alpha
LARGEST_NEED = "largest fund needed"
DEPLETED, DEPLETED_ALONE = mechanics.DEPLETED, mechanics.DEPLETED_ALONE  # see `Result.summary`
ADL = comparison.ADL_EVENT
MEAN_DEFICIT, MEAN_ADL = "mean deficit", "mean raised or forgone by ADL"
COLUMNS = ("quantity", "alpha", "estimate", "se", "low", "high", "unit", "note")


class Study:
    """Named designs on one market.

    Parameters
    ----------
    designs : mapping of str to Design
        One or more (`Scenario.build().design`), in the order of the results. They share prices, seed, number of paths,
        steps and step.

    Raises
    ------
    InputError
        With each difference between their markets.
    """

    def __init__(self, designs: Mapping[str, Design]):
        if not isinstance(designs, Mapping) or not designs:
            raise InputError(Problem("study", "a mapping of names to one design or more", value=designs))
        wanted = {str(name): (design, Design, "a design: Scenario.build().design") for name, design in designs.items()}
        raise_if(wrong_types("study", **wanted))
        names = list(designs)
        lead = market_of(designs[names[0]])
        problems = []
        for name in names[1:]:
            market = market_of(designs[name])
            problems += [
                Problem(name, f"the same {key} as {names[0]}: {lead[key]}", column=key, value=market[key])
                for key in comparison.MARKET
                if market[key] != lead[key]
            ]
        raise_if(problems)
        prices = designs[names[0]].prices
        self.designs = {name: _on_prices(design, prices) for name, design in designs.items()}

    def run(
        self,
        *,
        threads: int | None = None,
        executor: Executor | None = None,
        progress: Callable[[int, int], None] | None = None,
        sink: BlockSink | None = None,
    ) -> StudyResult:
        """Run all designs on the same price paths, which are made once; arguments as in `run_designs`."""
        results = run_designs(
            list(self.designs.values()), threads=threads, executor=executor, progress=progress, sink=sink
        )
        return StudyResult(dict(zip(self.designs, results, strict=True)))


@dataclass(frozen=True, eq=False)
class StudyResult:
    """Results of a study.

    results : dict of str to Result, in the order of the designs
    """

    results: dict[str, Result]

    def table(self, alphas: Sequence[float] = (0.01, 0.001)) -> pd.DataFrame:
        """All results in long form.

        Returns
        -------
        DataFrame
            A row per design and quantity: `design`, `quantity`, `alpha` (of a required fund, otherwise nan),
            `estimate`, `se`, `low`, `high` (95 %; nan where the quantity has none), `unit`, `note` (why an estimate is
            only a bound, or why there is none). Quantities are those of `Result.summary`, the largest fund that a path
            needs, and the required fund for each alpha.
        """
        comparison.check_alphas(alphas)
        return pd.concat(
            [long_table(result, alphas).assign(design=name) for name, result in self.results.items()],
            ignore_index=True,
        )[["design", *COLUMNS]]

    def compare(self, base: str | None = None, alphas: Sequence[float] = (0.01, 0.001)) -> pd.DataFrame:
        """Every design against one of them, by default the first, with paired errors: `stress.compare`."""
        base = next(iter(self.results)) if base is None else base
        if not is_word(base, self.results):
            raise InputError(Problem("compare", f"one of {', '.join(self.results)}", column="base", value=base))
        return comparison.compare({base: self.results[base]} | self.results, alphas)


def long_table(result: Result, alphas: Sequence[float]) -> pd.DataFrame:
    """The rows of one result, see `StudyResult.table`."""
    rows: list[tuple[Any, ...]] = [
        (r.quantity, np.nan, r.estimate, r.se, r.low, r.high, r.unit, "") for r in result.summary().itertuples()
    ]
    why = result.curve_refused
    largest = np.nan if why else float(result.paths["fund_needed"].max())
    rows.append((LARGEST_NEED, np.nan, largest, *[np.nan] * 3, result.money, why))
    for alpha in alphas:
        if why:
            rows.append((REQUIRED_FUND, float(alpha), *[np.nan] * 4, result.money, why))
            continue
        e = result.required_fund(alpha)
        rows.append((REQUIRED_FUND, float(alpha), e.value, e.se, e.low, e.high, result.money, e.note))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def estimate_of(rows: pd.DataFrame, quantity: str, alpha: float | None = None) -> Estimate:
    """The estimate of a quantity in the rows of one design; nan where they do not have it.

    `DEPLETED` is that of any waterfall, which names it by whether it has ADL.
    """
    names = (DEPLETED, DEPLETED_ALONE) if quantity == DEPLETED else (quantity,)
    found = rows[rows["quantity"].isin(names) & (rows["alpha"].isna() if alpha is None else rows["alpha"] == alpha)]
    if found.empty:
        return Estimate(np.nan, np.nan, np.nan, np.nan)
    row = found.iloc[0]
    estimate, se, low, high = (float(row[name]) for name in ("estimate", "se", "low", "high"))
    unit = "probability" if quantity.startswith("P(") else str(row["unit"])
    return Estimate(estimate, se, low, high, row["note"], unit)


def market_of(design: Design) -> dict[str, Any]:
    """What designs of one study share, by the keys of `Design.describe`."""
    strata = design.strata
    return {
        "prices": design.model_record,
        "seed": design.seed,
        "paths": design.n_paths,
        "steps": design.n_steps,
        "step": design.step,
        "strata": None if strata is None else np.asarray(strata.probability, float).tolist(),
    }


def _on_prices(design: Design, prices: Any) -> Design:
    return design if design.prices is prices else replace(design, prices=prices)


def run_designs(
    designs: Sequence[Design],
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    sink: BlockSink | None = None,
) -> list[Result]:
    """Run several designs on the same price paths, which are made once.

    Parameters
    ----------
    designs : sequence of Design
        From `stress.engine.prepare`; they share prices, number of paths, steps and seed.
    threads, executor, progress
        As in `stress.simulate`.
    sink : BlockSink, optional
        Keeps finished blocks, and hands over those of an interrupted run.

    Returns
    -------
    list of Result, in the order of the designs

    Raises
    ------
    InputError
        If they do not fit into the memory that is free, or `threads`, the executor or `progress` cannot be used.
    """
    blocks = run_paths(designs, threads=threads, executor=executor, progress=progress, sink=sink)
    return assemble(designs, blocks)


def assemble(designs: Sequence[Design], blocks: Sequence[PathBlock]) -> list[Result]:
    """Results of designs from the blocks of all their paths."""
    made_by = provenance()
    with _needs_in_words(designs, 0):
        return [Result.assemble(design, block, made_by) for design, block in zip(designs, blocks, strict=True)]


def run_paths(
    designs: Sequence[Design],
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    sink: BlockSink | None = None,
) -> list[PathBlock]:
    """The block of all paths of each design; arguments and errors as of `run_designs`."""
    lead = designs[0]
    for design in designs:
        same = design.prices is lead.prices and design.seed == lead.seed
        same = same and (design.tail, design.batch) == (lead.tail, lead.batch)
        if not (same and (design.n_paths, design.n_steps, design.step) == (lead.n_paths, lead.n_steps, lead.step)):
            raise ValueError("designs that run together share prices, seed, paths, steps, step and tail")
    check_workers(threads, executor, progress)
    count = 0 if executor is not None else int(threads or scheduling.default_threads())
    footprint.check(designs, count)
    with _needs_in_words(designs, count):
        build_shared(designs)  # once, before the workers use it and the results read it
        return run_blocks(designs, threads=threads, executor=executor, progress=progress, sink=sink)


@contextmanager
def _needs_in_words(designs: Sequence[Design], count: int) -> Iterator[None]:
    """Say of a lack of memory how much designs need, with so many threads."""
    try:
        yield
    except MemoryError as error:  # of numpy it would describe the array that did not fit, field by field
        needed = gigabytes(footprint.need(designs, count))
        raise MemoryError(f"{footprint.size(designs)} need about {needed}") from error
