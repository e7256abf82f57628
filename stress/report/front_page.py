"""Page one: the answer as a committee needs it, in words, each number with its error."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stress.analysis import caps
from stress.analysis.fund_grid import smallest
from stress.analysis.stress_scenarios import OPEN_CALLS, worst_scenario
from stress.formatting import bare, count, duration, percent, probability, significant, usd, usd_range, visible
from stress.prices.calibration import summary
from stress.results import mechanics, sizing
from stress.results.estimate import Estimate, mean
from stress.runs.record import fund_ranges
from stress.scenario.keys import text_of

if TYPE_CHECKING:
    from stress.runs.record import Record

DAY, YEAR = 86_400.0, 365.0  # seconds; days
INPUTS = 3  # that matter most
STUDIES = "`perp-stress run SCENARIO --studies` adds it."
ADEQUATE, SHORT, OPEN = "adequate", "short", "open"


@dataclass(frozen=True)
class Adequacy:
    """Whether the present fund is enough for one probability, and by how much.

    verdict : "adequate" (not below the 95 % interval of the required fund), "short" (below it), "open" (inside)
    words : the same in words, with the difference and its interval
    """

    verdict: str
    words: str


def adequacy(fund: float, least: Estimate, most: Estimate | None = None) -> Adequacy:
    """Judge a fund by the required one, or by the smallest and the largest required one over delays.

    Parameters
    ----------
    fund : float
        USD.
    least, most : Estimate
        Required funds; `most` is left out where there is one.
    """
    most = least if most is None else most
    low = least.value if math.isnan(least.low) else least.low
    high = most.value if math.isnan(most.high) else most.high
    if math.isinf(fund):
        return Adequacy(ADEQUATE, "no limit")
    if math.isnan(least.value) or math.isnan(most.value):  # withheld: its interval alone is judged
        least, most = replace(least, value=low), replace(most, value=high)
    if fund >= high:
        return Adequacy(ADEQUATE, f"adequate, with {_span(fund - most.value, fund - least.value)} to spare")
    if fund < low:
        if most.is_bound:
            return Adequacy(SHORT, f"short by {usd(low - fund)} or more")
        interval = "" if low == high else f" ({_bare(usd_range(low - fund, high - fund))})"
        return Adequacy(SHORT, f"short by {_span(least.value - fund, most.value - fund)}{interval}")
    over = "no upper end" if math.isinf(high) else f"{usd(high - fund)} short"
    return Adequacy(OPEN, f"not decided: from {usd(fund - low)} to spare to {over}")


def _span(low: float, high: float) -> str:
    return usd(low) if low == high else usd_range(low, high)


def _bare(text: str) -> str:
    return bare(text)


def a_day(p: float, horizon: float) -> float:
    """The probability of a day that gives p in `horizon` seconds, if days are alike and independent."""
    return -math.expm1(math.log1p(-p) * DAY / horizon) if p < 1 else 1.0


def once_in(low: float, high: float) -> str:
    """How rare a day of a probability between two is: 1 in so many days, or years of 365 days.

    Parameters
    ----------
    low, high : float
        Probabilities of a day, high > 0; the same: no interval.
    """
    near, far = 1 / high, 1 / low if low > 0 else math.inf
    size, unit = (YEAR, "years") if near >= 2 * YEAR else (1.0, "days")
    first, last = significant(near / size, 2), significant(far / size, 2)
    if math.isinf(far):
        return f"rarer than 1 in {first} {unit}"
    return f"1 in {first} {unit}" if first == last else f"1 in {first} to {last} {unit}"


def context(record: Record) -> dict[str, Any]:
    """What page one shows beside the cards of the answer."""
    config = record.result.config
    venue = config["venue"]
    of = (venue.get("title") or venue["name"]) + (f", {venue['market']}" if venue.get("market") else "")
    return {
        "of": of.replace("Ⓢ", "S"),  # that few fonts have
        "verdict": verdict(record),
        "has_fund": has_fund(record),
        "present": present(record),
        "facts": [(term, text) for term, text in facts(record) if text],
        "signed": signed(record),
    }


def judgements(record: Record) -> list[tuple[float, Adequacy]]:
    """Whether the present fund is enough, for each alpha (nan: one path, which gives no probability)."""
    fund, one_path = record.fund, record.result.n_paths == 1
    if record.result.curve_refused:
        return []
    if record.delays:
        return [(found.alpha, adequacy(fund, found.least[1], found.most[1])) for found in fund_ranges(record)]
    if one_path:
        needed = float(record.result.paths["fund_needed"].iloc[0])
        return [(math.nan, adequacy(fund, Estimate(needed, math.nan, math.nan, math.nan)))]
    rows = record.required_widest.sort_values("alpha", ascending=False).to_dict("records")
    return [(row["alpha"], adequacy(fund, _estimate(row))) for row in rows]


def _estimate(row: dict[Any, Any]) -> Estimate:
    note = row["note"] if isinstance(row["note"], str) else ""
    return Estimate(row["fund"], row["se"], row["low"], row["high"], note)


def has_fund(record: Record) -> bool:
    """Whether there is a fund to judge: more than what the venue keeps in it."""
    return record.fund > record.result.least


def present(record: Record) -> str:
    """The present fund, or what stands in its place where none is given."""
    if has_fund(record):
        return f"the present {record.layer}, {usd(record.fund)}"
    return f"a {record.layer} of {usd(record.fund)}" + (", the reserve" if record.fund > 0 else "")


def verdict(record: Record) -> str:
    """The answer in a sentence."""
    if why := record.result.curve_refused:
        return f"One run does not say how large the {record.layer} must be: {why}. {grid_words(record)}".rstrip()
    judged, layer = judgements(record), record.layer
    if not has_fund(record):
        return f"No {layer} is given ({present(record)}): the answer is the {layer} that is needed."
    if record.result.n_paths == 1:
        return f"On this one path the {layer} of {usd(record.fund)} is {judged[0][1].words}."
    words = {ADEQUATE: "adequate", SHORT: "too small", OPEN: "not decided"}
    parts = []
    for kind in (ADEQUATE, OPEN, SHORT):
        alphas = [percent(alpha) for alpha, found in judged if found.verdict == kind]
        if alphas:
            parts.append(f"{words[kind]} for {' and '.join(alphas)}")
    if math.isinf(record.fund):
        return f"The {layer} has no limit in this run."
    return f"The {layer} of {usd(record.fund)} is {', '.join(parts)}."


def grid_words(record: Record) -> str:
    """What a grid of funds says for each probability; "" where there is none, or for one path."""
    grid = record.grid
    if grid is None or record.result.n_paths == 1:
        return ""
    most, parts = usd(float(grid["fund"].max())), []
    for alpha in sorted(record.alphas, reverse=True):
        found = smallest(grid, alpha)
        if math.isnan(found["fund"]):
            parts.append(f"none of up to {most} keeps it to {percent(alpha)}")
        elif math.isnan(found["below"]):
            less = " or less" if found["fund"] > record.result.least else ""
            parts.append(f"{usd(found['fund'])}{less} keeps it to {percent(alpha)}")
        else:
            between = f"between {_bare(usd(found['below']))} and {usd(found['fund'])}"
            parts.append(f"one {between} keeps it to {percent(alpha)}")
    return f"By the chance that the {record.layer} is depleted, of a grid on the same prices {', '.join(parts)}."


def _with_interval(value: float, low: float, high: float) -> str:
    """An amount with its interval, where there is one."""
    return usd(value) if math.isnan(low) else f"{usd(value)} ({_bare(usd_range(low, high))})"


def layer_words(record: Record) -> str:
    """Who pays, how often and how much, of a run that tells its layers apart; "" for others."""
    result, sentences = record.result, []
    for row in mechanics.layers(result).to_dict("records"):
        if result.n_paths == 1:
            how = f"pays {usd(row['mean'])}" if row["p_hit"] else "pays nothing"
        elif row["p_hit"] == 0:
            how = f"pays on no path (below {percent(row['p_hit_high'])})"
        else:
            often = probability(row["p_hit"], row["p_hit_low"], row["p_hit_high"])
            how = f"pays on {often} of paths, {_with_interval(row['mean'], row['low'], row['high'])} a path"
        apart = row["layer"] == mechanics.carrier(result.config)
        sentences.append(f"{'Inventory apart, the' if apart else 'The'} {row['layer']} {how}")
    if "inventory_loss" in result.paths:
        lost = mean(result.paths["inventory_loss"].to_numpy(), weights=result.weights)
        ends, does = (lost.low, lost.high), "loses"
        if lost.value < 0:
            lost, ends, does = replace(lost, value=-lost.value), (-lost.high, -lost.low), "gains"
        often = "by the end" if result.n_paths == 1 else "a path"
        name, amount = mechanics.carrier(result.config), _with_interval(lost.value, *ends)
        sentences.append(f"On the positions that it takes over, the {name} {does} {amount} {often}")
    return ". ".join(sentences) + "." if sentences else ""


def facts(record: Record) -> list[tuple[str, str]]:
    """What a committee asks next, a term and a sentence each."""
    return [
        ("Who pays", layer_words(record)),
        ("Where the error comes from", error_words(record)),
        (caps.TITLE, caps_words(record)),
        ("Worst crash of history on this book", history_words(record)),
        (f"Smallest move that empties the {record.layer}", reverse_words(record)),
        ("Inputs that matter most", tornado_words(record)),
        ("Data behind the prices", data_words(record)),
        ("What was done to the input", adjusted_words(record)),
    ]


def error_words(record: Record) -> str:
    """Which part of the error is how large, for the smallest probability."""
    if record.result.n_paths == 1:
        return ""
    alone = f"The intervals hold the error of {record.result.n_paths:,} paths alone; book and calibration are taken "
    if record.budget is None:
        return alone + ("as given." if record.result.curve_refused else "as given. `--error full` adds them.")
    budget = record.budget
    alpha = min(record.alphas)
    rows = budget[(budget["alpha"] == alpha) & (budget["part"] != "total")]
    shares = [f"{part} {percent(share, 2)}" for part, share in zip(rows["part"], rows["share"], strict=True)
              if share == share]  # fmt: skip
    if not shares:
        return f"The paths give no upper end for {percent(alpha)}; see the table of its parts."
    return f"Of the variance of the fund for {percent(alpha)}: {', '.join(shares)}{record.where_budget}."


def caps_words(record: Record) -> str:
    """The largest jump of the prices, and which figures it decides; "" of a run at its own caps alone."""
    if record.caps is None:
        return ""
    return f"{caps.assumed(record.caps)} {caps.decided(record.caps, record.layer)}"


def _not_run(refused: str) -> str:
    """Why a study is not there, and what makes it; where it is refused, the reason."""
    return f"Not told: {refused}." if refused else f"Not run. {STUDIES}"


def history_words(record: Record) -> str:
    """The crash of history that takes most of the fund."""
    table = record.studies.get("scenarios")
    if table is None:
        return _not_run(record.result.curve_refused)
    if table.empty:
        return "None was played on this book."
    worst = worst_scenario(table)
    late = f"gaps of {worst['gap']:g}" if math.isnan(worst["delay"]) else f"a delay of {duration(worst['delay'])}"
    adl = worst["adl_money"]
    hit = f"; ADL takes {usd(adl)} from {count(int(worst['adl_accounts']), 'account')}" if adl > 0 else ""
    open_ = table["note"].str.contains(OPEN_CALLS, regex=False).any()
    return (
        f"{visible(str(worst['title']).partition(':')[0])} ({percent(abs(worst['fall']))} down, "
        f"{percent(worst['rise'])} up), with {late}: it takes {usd(worst['fund_needed'])} of a {record.layer} of "
        f"{usd(record.fund)}, which {'is depleted' if worst['depleted'] else 'holds'}"
        f"{hit}.{f' {OPEN_CALLS[0].upper()}{OPEN_CALLS[1:]}.' if open_ else ''}"
    )


def reverse_words(record: Record) -> str:
    """The smallest fall and rise that empty the fund, with their probability."""
    table = record.studies.get("reverse")
    if table is None:
        return _not_run(record.result.curve_refused or sizing.jump_refused(record.result.config))
    sentences = []
    for direction in ("fall", "rise"):
        rows = table[table["direction"] == direction]
        if rows.empty:
            continue
        row = rows.sort_values("cascade").iloc[-1]
        if math.isnan(row["move"]):
            sentences.append(f"No {direction} empties it")
            continue
        chance = ""
        if row["probability"] == row["probability"]:
            found = probability(row["probability"], row["probability_low"], row["probability_high"])
            chance = (
                f"; prices go so far within {duration(row['horizon'])}, fast or slowly, with a probability of {found}"
            )
        sentences.append(f"A {direction} of {percent(abs(row['move']))} at once{chance}")
    return ". ".join(sentences) + "." if sentences else "None was found."


def tornado_words(record: Record) -> str:
    """The inputs that move the required fund most."""
    table = record.studies.get("tornado")
    if table is None:
        return _not_run(record.result.curve_refused)
    rows = table[table["alpha"] == table["alpha"].min()].dropna(subset=["swing"])
    rows = rows.reindex(rows["swing"].abs().sort_values(ascending=False, kind="stable").index).head(INPUTS)
    found = [
        f"`{r['key']}` from {range_words(r)}: {usd(r['fund_at_low'])} to {usd(r['fund_at_high'])}"
        for r in rows.to_dict("records")
    ]
    if not found:
        return "None has a range."
    return f"{record.layer.capitalize()} for {percent(rows['alpha'].iloc[0])}. {'; '.join(found)}."


def range_words(row: dict[Any, Any]) -> str:
    """The range of an input in words."""
    return " to ".join(value_words(row["key"], row[end]) for end in ("low_value", "high_value"))


def value_words(key: str, value: Any) -> str:
    """A value of a key: a number with its unit, other words as they are."""
    try:
        return text_of(key, float(value))
    except (TypeError, ValueError):
        return visible(str(value))


def data_words(record: Record) -> str:
    """The span of the bars behind the price model, and whether it is fit for sizing."""
    known = (record.scenario.get("prices") or {}).get("provenance")
    if not isinstance(known, dict) or not known:
        return "The scenario does not say what its prices were fitted to."
    lines = dict(summary.lines(known))
    span = " to ".join(str(lines[end])[:10] for end in ("From", "To") if end in lines)
    days = known.get("fit_for_sizing")
    n = days.get("days") if isinstance(days, dict) else None
    length = f", {n:,.0f} days" if isinstance(n, int | float) and not isinstance(n, bool) else ""
    source = f"{lines['Bars']}, " if "Bars" in lines else ""
    return f"{source}{span}{length}. {summary.verdict(known)}" if span else summary.verdict(known)


def adjusted_words(record: Record) -> str:
    """The first thing that was done to the inputs, and how many others."""
    done = [str(x) for x in record.adjustments]
    more = f" And {len(done) - 1} more, listed below." if len(done) > 1 else ""
    return f"{done[0].rstrip('.')}.{more}" if done else ""


def chance_words(p: float, low: float, high: float, horizon: float) -> str:
    """A probability within a horizon as one of a day, and as a return period."""
    if low > 0:
        return f"{percent(a_day(p, horizon))} a day: {once_in(a_day(low, horizon), a_day(high, horizon))}"
    return f"below {percent(a_day(high, horizon))} a day: {once_in(0.0, a_day(high, horizon))}"


def signed(record: Record) -> list[tuple[str, str]]:
    """Who made the run, when, with what."""
    manifest = record.manifest
    versions = manifest.get("versions") or record.result.provenance
    lines = [
        ("Author", record.author or "not named (`--author`)"),
        ("Date", str(manifest.get("created", ""))[:10]),
        ("Version", f"perp-stress {versions.get('stress', '')}"),
        ("Seed", str(record.result.config["seed"])),
        ("Scenario", f"{record.scenario.get('name') or ''} {str(manifest.get('hash', ''))[:12]}"),
    ]
    return [(label, text.strip()) for label, text in lines if text.strip()]
