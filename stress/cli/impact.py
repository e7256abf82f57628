"""The command that holds a book against new margin tiers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from stress.cli import output
from stress.cli.common import Paths, Quiet, Seed, Set, Threads, guarded, load, positive_option, say_not_grown, with_bar
from stress.cli.inputs import ContractSize, Unit
from stress.errors import InputError, Problem, raise_if
from stress.formatting import count, percent, set_money, significant, usd, visible
from stress.formatting import notional as in_usd

if TYPE_CHECKING:
    import pandas as pd

    from stress.adjustments import Adjustment
    from stress.analysis.tier_impact import TierImpact
    from stress.book.book import Book
    from stress.engine.design import Design
    from stress.scenario.scenario import Scenario
    from stress.venue.tier_source import TierSource
    from stress.venue.venue import Venue

LARGEST = 10  # positions that are listed
NAMED = 16  # characters of an account in the terminal
TIERS = "A preset, a venue file, or any file of tiers (see venues import), with :MARKET where it has several."


@guarded
def impact(
    source: Annotated[
        Path, typer.Argument(help="Scenario file (TOML), or a file of positions.", metavar="SCENARIO|POSITIONS")
    ],
    new: Annotated[str, typer.Option(help=f"The new tiers. {TIERS}", metavar="TIERS[:MARKET]")],
    old: Annotated[
        str | None,
        typer.Option(help="The old tiers. Default: those of the scenario.", metavar="TIERS[:MARKET]"),
    ] = None,
    price: Annotated[
        float | None,
        positive_option("PRICE", "Mark price, beside a file of positions. Default: its own.", "a mark price"),
    ] = None,
    market: Annotated[str | None, typer.Option(help="Market of the positions, where the file has several.")] = None,
    flat: Annotated[bool, typer.Option("--flat", help="Rates of a file hold for the whole position.")] = False,
    unit: Unit = None,
    contract_size: ContractSize = None,
    fund: Annotated[bool, typer.Option(help="With a scenario: the fund by old and by new tiers.")] = True,
    out: Annotated[
        Path | None,
        typer.Option(help="Write all positions, by old and new tiers, to this CSV file.", metavar="FILE"),
    ] = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """New margin tiers on the same book: who is liquidated, what it costs."""
    from stress.adjustments import unsaid
    from stress.analysis.tier_impact import tier_impact, with_tiers
    from stress.cli import adjusted, console
    from stress.venue.tier_source import find_tiers

    output.check_files(out)
    tiers_of = partial(find_tiers, flat=flat, unit=unit, contract_size=contract_size)
    of_scenario = source.suffix.lower() == ".toml"
    _check_form(of_scenario, old, price, market, [set_ or None, seed, paths])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if of_scenario:
            before = _of_scenario(load(source, set_, seed, paths), old, tiers_of)
        else:
            before = _of_positions(source, market, price, str(old), tiers_of)
        wanted = tiers_of(new, before.venue.market or None)
    _check_contract("--new", wanted, before.venue.contract)
    set_money(before.venue.money)
    venue = with_tiers(before.venue, wanted.tiers, wanted.tier_basis)
    found = tier_impact(before.book, before.venue, venue, before.price)
    if not quiet:
        print_impact(found, before.name, wanted.name)
    if before.design is not None and fund:
        _compare(before, venue, threads, quiet)
    output.keep_table(found.positions, out, quiet and (before.design is None or not fund))
    if not quiet:
        done = tuple(dict.fromkeys([*before.adjustments, *wanted.adjustments]))
        adjusted.print_adjustments(done, console.console())
        adjusted.print_warnings(unsaid([str(warning.message) for warning in caught], done), console.console())


class Before(NamedTuple):
    """What the new tiers are held against."""

    book: Book
    price: float
    venue: Venue
    name: str  # of its tiers
    adjustments: tuple[Adjustment, ...] = ()
    design: Design | None = None
    delays: tuple[float, ...] = ()
    alphas: Sequence[float] = ()


def _check_form(
    of_scenario: bool, old: str | None, price: float | None, market: str | None, changes: list[object]
) -> None:
    """Refuse options that do not fit what is given."""
    problems = []
    if of_scenario:
        its_own = "none beside a scenario, which has its own (--set {}=...)"
        for name, value, key in (("--price", price, "prices.s0"), ("--market", market, "venue.market")):
            if value is not None:
                problems.append(Problem(name, its_own.format(key), value=value))
    else:
        if old is None:
            problems.append(Problem("--old", "the old tiers, beside a file of positions"))
        for name, change in zip(("--set", "--seed", "--paths"), changes, strict=True):
            if change is not None:
                problems.append(Problem(name, "a scenario file (.toml), of which it changes a key", value=change))
    raise_if(problems)


def _check_contract(option: str, tiers: TierSource, contract: str) -> None:
    """Refuse tiers of a contract that is not that of the positions: their bounds are in another money."""
    if tiers.contract != contract:
        expected = (
            f"tiers whose contract is {contract}, as that of the positions; those of {tiers.name} are {tiers.contract}"
        )
        raise InputError(Problem(option, expected))


def _of_scenario(scenario: Scenario, old: str | None, tiers_of: Callable[..., TierSource]) -> Before:
    """Book and venue of a scenario, with other old tiers where they are given."""
    from stress.analysis.tier_impact import with_tiers

    built = scenario.build()
    say_not_grown(scenario)
    design = built.design
    venue = design.venue
    before = Before(design.book, design.s0, venue, f"{venue.name} {venue.market}".strip(), built.adjustments, design)
    before = before._replace(delays=built.delays, alphas=scenario.fund.alphas)
    if old is None:
        return before
    given = tiers_of(old, venue.market or None)
    _check_contract("--old", given, venue.contract)
    venue = with_tiers(venue, given.tiers, given.tier_basis)
    return before._replace(venue=venue, name=given.name, adjustments=(*before.adjustments, *given.adjustments))


def _of_positions(
    path: Path, market: str | None, price: float | None, old: str, tiers_of: Callable[..., TierSource]
) -> Before:
    """Positions of a file, and a venue that has the old tiers alone."""
    from stress.book.book import Book
    from stress.venue.venue import Venue

    book = Book.read(path, market, imbalance="outside", mark_price=price)
    price = price or book.mark_price
    if price is None:
        raise InputError(Problem("--price", f"a mark price, which {path} does not have"))
    market = market or book.market
    given = tiers_of(old, market or None)
    if given.contract == "inverse" and not book.is_inverse:  # which no column of the file says
        book = Book.read(path, market, imbalance="outside", mark_price=price, contract="inverse")
    _check_contract("--old", given, book.contract or "linear")
    venue = Venue(
        name=given.name, tiers=given.tiers, tier_basis=given.tier_basis, market=market, contract=given.contract
    )
    return Before(book, price, venue, given.name, (*book.adjustments, *given.adjustments))


def _compare(before: Before, venue: Venue, threads: int | None, quiet: bool) -> None:
    """The fund by old and by new tiers, on the same paths."""
    from stress.analysis.study import Study
    from stress.formatting import duration

    assert before.design is not None
    designs = {name: replace(before.design, venue=one) for name, one in (("old", before.venue), ("new", venue))}
    study = Study(designs)
    table = with_bar(quiet, lambda bar: study.run(threads=threads, progress=bar)).compare("old", before.alphas)
    if before.delays and not quiet:
        print(f"\nFills are {duration(before.delays[-1])} late, the longest delay of the scenario.")
    if quiet:
        output.keep_table(table, None, quiet)
    else:
        print_fund(table)


def print_impact(found: TierImpact, old: str, new: str) -> None:
    """Who is concerned, by old and by new tiers, in 80 columns."""
    from rich.text import Text

    from stress.cli import console, terminal
    from stress.results.comparison_words import signed

    out = console.console()
    head = f"{count(len(found.positions), 'position')} at {significant(found.price, 6)}, tiers of {old} against {new}"
    out.print(Text(visible(head), style="bold"))
    out.print()
    rows = [
        (r["measure"], *(_counted(r[when], r[f"{when}_notional"]) for when in ("old", "new", "newly")))
        for r in terminal.records(found.table())
    ]
    rows += [
        (f"{r['margin']} margin", usd(r["old"]), usd(r["new"]), signed(r["change"], usd))
        for r in terminal.records(found.margins())
    ]
    out.print(console.table(["", "old", "new", "only new, or change"], rows))
    maintenance = found.margins().iloc[0]
    quantiles = ", ".join(
        f"{'largest' if q == 1 else 'median' if q == 0.5 else percent(q)} {signed(change, percent)}"
        for q, change in found.quantiles().items()
    )
    out.print(
        f"\nMaintenance margin rises for {maintenance['positions_up']:,} and falls for "
        f"{maintenance['positions_down']:,}; change of positions as a share of their notional: {quantiles}.",
    )
    _print_buckets(found)
    _print_liquidated(found)


def _counted(positions: int, notional: float) -> str:
    return f"{positions:,}\n{in_usd(notional)}" if positions else "none"


def _print_buckets(found: TierImpact) -> None:
    from stress.cli import console, terminal

    rows = []
    for r in terminal.records(found.by_leverage()):
        upper = "or more" if r["upper"] == float("inf") else f"to {significant(r['upper'])}x"
        rows.append(
            (
                f"{significant(r['lower'])}x {upper}",
                f"{r['positions']:,}",
                in_usd(r["notional"]),
                f"{r['liquidated']:,}",
                in_usd(r["liquidated_notional"]),
                f"{r['levered']:,}",
            )
        )
    head = ["leverage", "positions", "notional", "liquidated", "notional", "above limit"]
    console.console().print("\nWhom only the new tiers concern, by leverage\n")
    console.console().print(console.table(head, rows))


def _print_liquidated(found: TierImpact) -> None:
    from stress.cli import console, terminal

    out = console.console()
    rows = found.liquidated_at_once
    if rows.empty:
        out.print("\nThe new tiers liquidate nobody at once.")
        return
    notional, deficit = float(rows["notional"].sum()), float(rows["deficit"].sum())
    out.print(
        f"\nLiquidated at once: {count(len(rows), 'position')} of {in_usd(notional)}; closed at this "
        f"price, their deficit is {usd(deficit)}; {usd(float(rows['shortfall'].sum()))} of margin would keep them.\n",
    )
    shown = [
        (
            str(r["account"]) if len(str(r["account"])) <= NAMED else f"{str(r['account'])[: NAMED - 3]}...",
            "long" if r["side"] > 0 else "short",
            in_usd(r["notional"]),
            f"{significant(r['leverage'])}x",
            usd(r["equity"]),
            usd(r["maintenance_new"]),
        )
        for r in terminal.records(rows.head(LARGEST))
    ]
    head = ["account", "side", "notional", "leverage", "equity", "new maintenance"]
    out.print(console.table(head, shown, left=2))
    if len(rows) > LARGEST:
        out.print(f"... and {len(rows) - LARGEST:,} more; --out FILE has all of them.")


def print_fund(table: pd.DataFrame) -> None:
    """Depletion and fund by old and new tiers, with the error of the difference, in 80 columns."""
    from stress.cli import compared, console, terminal
    from stress.results.comparison_words import apart, quantity, side

    kept = table[table["quantity"].str.startswith(("fund for", "P(fund", "mean deficit"))]
    rows = []
    for row in terminal.records(kept):
        values = [compared.in_lines(side(row, name)) for name in ("base", "value")]
        rows.append((quantity(row), *values, "\n".join(apart(row))))
    out = console.console()
    out.print("\nThe fund by old and by new tiers, on the same paths\n")
    out.print(console.table(["", "old", "new", "difference (95 %)"], rows))
    for note in dict.fromkeys(note for note in kept["note"] if isinstance(note, str) and note):
        out.print(f"Note: {note}.")
