"""What the command prints: a run, a fund, rates and events as a reader in a terminal takes them in."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from stress.cli.adjusted import print_adjustments, print_warnings
from stress.cli.caps import print_caps
from stress.cli.console import NARROW, TextConsole, console, table
from stress.cli.drawn import print_drawn
from stress.cli.horizon import print_horizon
from stress.cli.mechanics import print_grid, print_mechanics
from stress.formatting import (
    SPACE,
    bare,
    count,
    duration,
    notional,
    percent,
    percent_range,
    probability,
    significant,
    usd,
    usd_range,
    visible,
)

if TYPE_CHECKING:
    import pandas as pd

    from stress.analysis.depth_fit import DepthFit
    from stress.results.result import Result
    from stress.runs.record import FundRange, GapPair, Record
    from stress.venue.load import VenueInfo
    from stress.venue.venue import Venue

MINUS = "\u2212"
BINS = (2, 5, 10, 20, 50, 100)  # of effective leverage, for the short form
PATIENCE = 2.0  # seconds without a progress bar


class ProgressBar:
    """A bar with the time left, on standard error, once a run takes more than two seconds."""

    def __init__(self, shown: bool, noun: str = "paths"):
        self.shown = shown and sys.stderr.isatty()
        self.noun = noun
        self.start = time.monotonic()
        self.progress: Progress | None = None
        self.task = TaskID(0)

    def __call__(self, done: int, total: int) -> None:
        """Show how many are done."""
        if not self.shown or (self.progress is None and time.monotonic() - self.start < PATIENCE):
            return
        if self.progress is None:
            words = TextColumn(f"{{task.completed:,}} of {{task.total:,}} {self.noun}, time left")
            self.progress = Progress(
                BarColumn(), words, TimeRemainingColumn(), console=Console(stderr=True), transient=True
            )
            self.progress.start()
            self.task = self.progress.add_task(self.noun, total=total)
        self.progress.update(self.task, completed=done, total=total)  # a run may grow

    def close(self) -> None:
        """Take the bar away."""
        if self.progress is not None:
            self.progress.stop()
            self.progress = None


def print_run(record: Record) -> None:
    """The answer of a run: fund, key assumptions, who is hit, caveats."""
    from stress.results import rule_rates
    from stress.results.mechanics import NO_ADL

    out = console()
    out.print(headline(record), style="bold")
    print_drawn(record, out)
    print_fund(record, out)
    print_caps(record, out)
    if record.result.days is not None:
        print_horizon(record, out)
        print_adjustments(record.adjustments, out)
        print_warnings(record.warnings, out)
        return
    result = record.result
    if result.n_paths > 1 or result.paths["adl_count"].iloc[0] > 0 or rule_rates.known(result.positions):
        print_adl(result, out, sides=("both",))
    elif not result.has_adl:
        out.print(f"\n{NO_ADL}.")
    print_liquidation(record.result, out)
    print_mechanics(record.result, out)
    print_adjustments(record.adjustments, out)
    print_warnings(record.warnings, out)


def print_liquidation(result: Result, out: Console | None = None) -> None:
    """Liquidation a day beside the published figure."""
    from stress.results import liquidations

    (out or console()).print(f"\n{liquidations.words(result)}")


def headline(record: Record) -> str:
    """What was run, in a line."""
    result, run = record.result, record.scenario["run"]
    venue = result.config["venue"]
    paths, positions = count(result.n_paths, "path"), count(len(result.positions), "position")
    return visible(
        f"{record.name}: {paths} of {duration(run['horizon'])} in steps of {duration(run['step'])}, "
        f"{positions}, {venue['title'] or venue['name']} {venue['market']}, "
        f"seed {record.manifest['seed']}"
    )


def print_fund(record: Record, out: Console | None = None) -> None:
    """The fund that is needed, as chosen or as a range over delays, and for the bounds."""
    from stress.results import coin_words
    from stress.runs.record import fund_ranges

    out = out or console()
    if record.result.curve_refused:
        print_grid(record, out)
        _print_gaps(record, out)
        return
    if record.result.n_paths == 1:
        _print_fund_of_one_path(record, out)
        return
    layer = record.layer
    begins = " (ADL begins)" if record.result.has_adl else ""
    out.print(f"\n{layer.capitalize()} that is depleted{begins} with a probability of at most\n")
    if record.delays:
        for found in fund_ranges(record):
            out.print(_range(percent(found.alpha), found, record.result))
        print_budget(record, out)
    else:
        coin = coin_words.in_coin(record.result)
        rows: list[tuple[str, ...]] = [
            (
                percent(r["alpha"]),
                fund_text(r["fund"], r["note"]),
                usd_range(r["low"], r["high"]),
                *([coin_words.usd_at_start(record.result, r["fund"])] if coin else []),
            )
            for r in records(record.required_widest)
        ]
        of_what = "95 % interval" if record.budget is None else "95 % interval, all parts"
        out.print(table(["probability", layer, of_what, *([coin_words.HEAD] if coin else [])], rows))
        for r in records(record.required):
            if said := r["note"] or r.get("flag"):
                out.print(f"\n{percent(r['alpha'])}: {said}.")
        rests_on = [(percent(r["alpha"]), r.get("rests_on", "")) for r in records(record.required)]
        if any(words for _, words in rests_on):
            out.print("\nWhat they rest on")
            for share, words in rests_on:
                out.print(f"{share}: {words}.")
        print_budget(record, out)
        depleted = record.result.depletion_probability()
        chance = probability(depleted.value, depleted.low, depleted.high)
        own = usd(record.fund) + coin_words.beside(record.result, record.fund)
        out.print(f"\nA {layer} of {own} is depleted: {chance}.")
        if depleted.flag:
            out.print(f"It rests on little: {depleted.flag}.")
    _print_gaps(record, out)


def _print_gaps(record: Record, out: Console) -> None:
    """The same run with other gaps or delays."""
    from stress.analysis.study import DEPLETED, REQUIRED_FUND
    from stress.runs.record import gap_pairs

    pairs = gap_pairs(record.gaps)
    alphas = () if record.result.curve_refused else record.alphas
    names = [f"{record.layer} for {percent(alpha)}" for alpha in alphas]
    rows: list[tuple[str, ...]] = []
    for pair in pairs:
        estimates = [pair.estimate(REQUIRED_FUND, alpha) for alpha in alphas]
        funds = [f"{fund_text(e.value, e.note)}\n({ends(e.low, e.high)})" for e in estimates]
        depleted = pair.estimate(DEPLETED)
        rows.append((_pair(pair, record), *funds, _stacked(probability(depleted.value, depleted.low, depleted.high))))
    how = "matters most" if len({row[1:] for row in rows}) > 1 else "makes no difference here"
    out.print(f"\n{_matters(pairs)} {how}\n")
    out.print(table([_head(pairs), *names, f"depleted with {usd(record.fund)}"], rows))


def print_budget(record: Record, out: Console | None = None) -> None:
    """The error in parts, where the run has redrawn its inputs."""
    from stress.results.budget import REQUIRED_FUND, words

    if record.budget is None:
        return
    out = out or console()
    where = f"Where the error comes from{record.where_budget}"
    out.print(f"\n{where} (95 % intervals, each part alone and all together)\n")
    rows = []
    for r in records(record.budget):
        fund = r["quantity"] == REQUIRED_FUND
        name = f"fund for {percent(r['alpha'])}" if fund else f"depleted with {usd(record.fund)}"
        interval = (usd_range if fund else percent_range)(r["low"], r["high"])
        share = "" if r["share"] != r["share"] or r["part"] == "total" else _bar(r["share"])
        rows.append((name if r["part"] == "paths" else "", r["part"], words(r, interval), share))
    out.print(table(["", "part", "95 % interval", "share of the variance"], rows, left=2))
    for note in dict.fromkeys(f"{r['part']}: {r['note']}" for r in records(record.budget) if r["part"] != "paths"):
        if not note.endswith(": "):
            out.print(f"{note}.")


def _bar(share: float) -> str:
    """A share as a bar of ten blocks, and in per cent."""
    return f"{'█' * round(10 * share):<10} {100 * share:3.0f}{SPACE}%"


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as dicts."""
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def fund_text(value: float, note: str) -> str:
    """A required fund, or the bound that it is."""
    if note and value != value:
        return "withheld"
    return ("at least " if note else "") + usd(value)


def ends(low: float, high: float) -> str:
    """The interval below a fund, which has named the unit of money."""
    return "no upper end" if high == float("inf") else bare(usd_range(low, high))


def _stacked(text: str) -> str:
    """An estimate with its interval, on two lines."""
    return text.replace(" (", "\n(", 1)


def _pair(pair: GapPair, record: Record) -> str:
    """How late fills are in a row of the table; of a range of delays none is the chosen one."""
    from stress.scenario.lateness import cannot_tell

    text = f"{pair.gap:g}, {pair.jump_gap:g}"
    if pair.has_delay:
        text = f"{duration(pair.delay)} late, {pair.jump_gap:g}"
        if cannot_tell(pair.delay, record.result.config["step"]):
            text += " (these bars cannot tell)"
    return text + (" (chosen)" if pair.chosen and not record.delays else "")


def _head(pairs: Sequence[GapPair]) -> str:
    late = any(pair.has_delay for pair in pairs)
    return "gap of moves or delay, gap of jumps" if late else "gap of moves, of jumps"


def _matters(pairs: Sequence[GapPair]) -> str:
    return "How late a fill is" if any(pair.has_delay for pair in pairs) else "The gap assumption"


def _range(label: str, found: FundRange, result: Result) -> str:
    """The answer of a run at several delays."""
    from stress.results.coin_words import beside

    (least, a), (most, b) = found.least, found.most
    fund = f"{fund_text(a.value, a.note)}{beside(result, a.value)} at a delay of {duration(least.delay)}, to "
    fund += f"{fund_text(b.value, b.note)}{beside(result, b.value)} at {duration(most.delay)}"
    if b.low == b.low:
        fund += f" (95 %: {usd_range(a.low, b.high) if b.high < float('inf') else usd(a.low) + ' or more'})"
    return f"{label}: {fund}"


def _print_fund_of_one_path(record: Record, out: Console) -> None:
    from stress.analysis.study import ADL, LARGEST_NEED, MEAN_ADL, MEAN_DEFICIT
    from stress.results import coin_words
    from stress.runs.record import fund_ranges, gap_pairs

    result = record.result
    own = usd(record.fund) + coin_words.beside(result, record.fund)
    out.print(f"\n{record.layer.capitalize()} that this path takes, and what happens with one of {own}\n")
    for found in fund_ranges(record):
        out.print(_range("Over the delays", found, record.result) + "\n")
    pairs = gap_pairs(record.gaps)
    rows = [
        (
            _pair(pair, record),
            usd(need := pair.estimate(LARGEST_NEED).value) + coin_words.beside(result, need),
            usd(pair.estimate(MEAN_DEFICIT).value),
            usd(pair.estimate(MEAN_ADL).value) if pair.estimate(ADL).value > 0 else "none",
        )
        for pair in pairs
    ]
    names = [_head(pairs), f"{record.layer} it takes", "deficits", "raised or forgone by ADL"]
    shown = len(names) - (not result.has_adl)
    out.print(table(names[:shown], [row[:shown] for row in rows]))


def print_adl(result: Result, out: Console | None = None, sides: Sequence[Any] = ("both", "long", "short")) -> None:
    """Rates of liquidation and ADL by effective leverage, and of what the rules that are on did to positions."""
    from stress.book.classes import leverage_range
    from stress.results import rule_rates
    from stress.results.column_words import DONE
    from stress.results.mechanics import NO_ADL

    out = out or console()
    single, rules = result.n_paths == 1, rule_rates.known(result.positions)
    out.print("\nWho is hit, by effective leverage" + ("" if single or not result.has_adl else _adl_paths(result)))
    names = {"liquidation": "liquidated"} | {name: DONE[name] for name in rules}
    if result.has_adl:
        names["adl"] = "ADL"
    narrow = out.width < NARROW
    if result.has_adl and not (single or (narrow and rules)):
        names["adl_given_event"] = "ADL, given that there is one"
    for word in sides:
        rates = result.by_leverage(BINS, side=None if word == "both" else word)
        if rates.empty:
            continue
        rows = [
            (
                leverage_range(r["lower"], r["upper"]),
                f"{r['positions']:,}",
                *(() if narrow else (notional(r["notional"]),)),
                *(_rate(r, name, result.n_paths) for name in names),
            )
            for r in records(rates)
        ]
        if narrow or rules:
            rows = [tuple(_stacked(cell) for cell in row) for row in rows]
        out.print(f"\n{word}s\n" if word != "both" else "")
        size = ["positions"] if narrow else ["positions", "notional"]
        out.print(table(["leverage", *size, *names.values()], rows))
    if rules and not single:
        out.print(f"\n{rule_rates.said(DONE[name] for name in rules)}")
    if not result.has_adl:
        out.print(f"\n{NO_ADL}.")


def _adl_paths(result: Result) -> str:
    which = "paths" if result.weights is None else "weighted paths"
    return f" (ADL on {int((result.paths['adl_events'] > 0).sum()):,} of {result.n_paths:,} {which})"


def _rate(row: dict[str, Any], name: str, n_paths: int) -> str:
    value = row[name]
    if n_paths == 1:
        return "–" if value != value else percent(value)
    return probability(value, row[f"{name}_low"], row[f"{name}_high"])


def print_events(log: pd.DataFrame, rows: int, account: str | None = None, layer: str = "fund") -> None:
    """The event log of one path, or of one account on it, its first events."""
    out = console()
    if log.empty:
        out.print("Nothing happened" + ("" if account is None else f" to {visible(account)}") + " on this path.")
        return
    cells = [
        (
            e["event"].replace("_", " "), e["account"], e["side"], f"{e['step']:,}", duration(e["time"]),
            significant(e["price"], 8), significant(e["quantity"], 6), usd(e["money"]), usd(e["fund"]),
            significant(e["position_left"], 6),
        )
        for e in records(log.head(rows))
    ]  # fmt: skip
    names = [
        "event",
        "account",
        "side",
        "step",
        "time",
        "price",
        "quantity",
        "money",
        f"{layer} after",
        "position left",
    ]
    out.print(table(names, cells, left=3))
    if len(log) > rows:
        out.print(f"\n{len(log) - rows:,} more events; --out FILE writes them all, --account NAME picks one.")


def print_venues(infos: Iterable[VenueInfo]) -> None:
    """The presets, a line each."""
    rows = [
        (i.name, i.title, i.contract, ", ".join(i.markets), i.date, ("skeleton; " if i.missing else "") + i.status)
        for i in infos
    ]
    console().print(table(["name", "venue", "contract", "markets", "as of", "figures"], rows, left=6))


def print_venue(venue: Venue, markets: Sequence[str]) -> None:
    """Every figure of a venue with its source, and the tiers of one market."""
    out = console()
    out.print(visible(f"{venue.title or venue.name}, {venue.market}"), style="bold")
    if len(markets) > 1:
        out.print(f"Markets: {visible(', '.join(markets))}; --market NAME shows another.")
    out.print()
    rows = [(f.name, str(f.value), f.status, f.date, f.source) for f in venue.figures]
    out.print(table(["rule", "value", "status", "date", "source"], rows, left=5))
    unit = ("contracts" if venue.is_inverse else "coins") if venue.tier_basis == "quantity" else venue.money
    out.print()
    tiers = [
        (
            f"{tier.floor:,.10g}",
            f"{tier.cap:,.10g}",
            f"{tier.max_leverage:g}x",
            f"{100 * tier.maintenance_rate:.4g} %",
            f"{tier.deduction:,.10g}",
        )
        for tier in venue.tiers
    ]
    names = [f"from {unit}", "below", "leverage", "maintenance", f"deduction {venue.money}"]
    out.print(table(names, tiers, left=0))
    for note in venue.notes:
        out.print(f"Note: {visible(note)}")


def print_crowd(name: str, title: str, parts: dict[str, pd.DataFrame]) -> None:
    """A crowd beside the published figures; `parts` by the days that it was measured on."""
    out = console()
    out.print("\n" + visible(f"{name}: {title}".rstrip(": ")) + "\n", style="bold")
    rows = [
        (
            r["figure"] + (f"; {visible(on)}" if on else ""),
            crowd_figure(r["estimate"], r["unit"]),
            crowd_figure(r["se"], r["unit"]),
            "–" if r["published"] != r["published"] else crowd_figure(r["published"], r["unit"]),
            "–" if r["published"] != r["published"] else f"{significant(r['estimate'] / r['published'], 2)} times",
            r["where"],
        )
        for on, part in parts.items()
        for r in records(part)
    ]
    out.print(table(["figure", "this crowd", "standard error", "published", "it is", "where"], rows))


def crowd_figure(value: float, unit: str) -> str:
    """A figure of a crowd in its unit."""
    if unit == "share":
        return percent(value)
    return f"{significant(value)}x" if unit == "times" else duration(86_400.0 * value)


def print_depth(found: DepthFit) -> None:
    """What was fitted to depth files, with its errors, and what was left out; on standard error."""
    out = TextConsole(error=True)
    out.print(f"{count(len(found.snapshots), 'snapshot')} of {', '.join(map(visible, found.snapshots.sources))}\n")
    rows = [
        (
            side, f"{usd(found.usd[side].value)} \u00b1 {usd(found.usd[side].se)}",
            f"{found.exponent[side].value:.2f} \u00b1 {found.exponent[side].se:.2f}",
        )
        for side in found.usd
    ]  # fmt: skip
    out.print(table(["side", "within 1 %", "exponent"], rows))
    if found.half_life.known:
        minutes, se = found.half_life.value / 60, found.half_life.se / 60
        out.print(f"\nHalf of a dip is back after {minutes:.0f} \u00b1 {se:.0f} minutes.")
    for fall in found.falls.values():
        bound = ": an upper bound of the depth, since the other side's bands are unusable" if fall.is_bound else ""
        out.print(
            f"Half of the {fall.side} is gone at a log move of {fall.scale.value:.3f} \u00b1 {fall.scale.se:.3f} in "
            f"{duration(fall.window)}, power {fall.power.value:.1f} \u00b1 {fall.power.se:.1f}{bound}.",
        )
    for what, why in found.refused.items():
        out.print(f"Not fitted: {what}: {why}.")
    for note in found.notes:
        out.print(f"Left out: {note}.")
