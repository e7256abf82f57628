"""Writes docs/venues.md from the venue files. Run it from the root of the repository: `python docs/make_venues.py`."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from stress.venue.file import PRESETS, VenueFile
from stress.venue.load import VenueInfo, list_venues, load_venue
from stress.venue.mechanics import MECHANICS
from stress.venue.practice import STATUSES
from stress.venue.rule import Rule
from stress.venue.rules import BY_NAME, RULES
from stress.venue.tier import Tier
from stress.venue.venue import Venue

PAGE = Path(__file__).with_name("venues.md")
INTRO = """\
# Venues

Made by `python docs/make_venues.py` from `stress/venue/rules.py` and `stress/venue/presets/*.toml`; change those, not
this page.

Each figure has a source, a date and a status: *official* (the venue's own page or code), *third-party* (a client, a
mirror or a data set; said of what kind), *assumed* (said why). Rules change: look at the dates (a year alone: the page
has no date and was read in that year), and import the tiers of today with `perp-stress venues import FILE`.

A *skeleton* lacks something it needs, and has no published example that it could reproduce; loading it warns. Every
other preset reproduces the example at the end of its section, in the tests.
"""
RULES_INTRO = """\
Each is a key of `[rules]` in a venue file and of `[venue]` in a scenario, and an argument of `stress.Venue`. A duration
is a number of seconds, or text such as `"8h"` in a file. "none" in a scenario takes away a rule whose default is none.
"""
MECHANICS_INTRO = """\
These are off where nothing is said; then a position is closed whole at the market as soon as it is met, and a fund and
ADL stand behind it. A rule that belongs to another one means nothing without it.
"""
PRACTICE_INTRO = "What the venue does beyond part I, and what the model makes of it:\n"
WORDS_INTRO = "What the words mean:\n"


def render() -> str:
    """The page."""
    infos = list_venues()
    parts = [INTRO, "## The rules\n", RULES_INTRO, _rules(RULES), WORDS_INTRO, _words(RULES)]
    parts += [
        "## The rules that are off by default\n",
        MECHANICS_INTRO,
        _rules(MECHANICS),
        WORDS_INTRO,
        _words(MECHANICS),
    ]
    parts += ["## The presets side by side\n", _presets(infos), _own_rules(infos), _counts(infos)]
    for info in infos:
        parts += _venue(info)
    return "\n".join(parts)


def _table(header: list[str], rows: list[list[str]], numbers: bool = False) -> str:
    rule = ["---:" if numbers else "---"] * len(header)
    return "".join(f"| {' | '.join(row)} |\n" for row in [header, rule, *rows])


def _load(name: str, market: str) -> Venue:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_venue(name, market)


def _rules(rules: Sequence[Rule]) -> str:
    """Every rule: unit, words, default and sentence, and what it belongs to."""
    rows = []
    for rule in rules:
        words = ", ".join(f"`{word}`" for word in rule.words)
        sentence = rule.sentence if rule.within is None else f"{rule.sentence} Belongs to {_belongs(rule.within)}."
        rows.append([f"`{rule.name}`", rule.unit or rule.kind, words, _default(rule), sentence])
    return _table(["rule", "unit", "words", "default", "what it decides"], rows)


def _belongs(within: tuple[str, tuple[str, ...]]) -> str:
    name, words = within
    return f"`{name}` {' or '.join(f'`{word}`' for word in words)}"


def _words(rules: Sequence[Rule]) -> str:
    rows = [[f"`{rule.name}`", f"`{word}`", text] for rule in rules for word, text in rule.words.items()]
    return _table(["rule", "word", "meaning"], rows)


def _presets(infos: list[VenueInfo]) -> str:
    """A column for each rule that is not the same for all presets."""
    venues = [_load(info.name, info.markets[0]) for info in infos]
    rules = [rule for rule in RULES if len({getattr(venue, rule.name) for venue in venues}) > 1]
    rows = []
    for info, venue in zip(infos, venues, strict=True):
        file = VenueFile(PRESETS / f"{info.name}.toml")
        flat = any(table.get("deduction") == "flat" for table in file.markets.values())
        single = all(len(_load(info.name, market).tiers) == 1 for market in info.markets)
        name = f"[{info.name}](#{info.name})" + (" (skeleton)" if info.missing else "")
        margin = "one rate" if single else "flat" if flat else "continuous"
        cells = [_cell(rule, getattr(venue, rule.name)) for rule in rules]
        rows.append([name, info.date, margin, *cells, info.status])
    return _table(["venue", "as of", "margin", *(rule.label for rule in rules), "figures"], rows)


def _own_rules(infos: list[VenueInfo]) -> str:
    """A column for each rule beyond part I that a preset has on; empty where it is off or means nothing."""
    venues = [_load(info.name, info.markets[0]) for info in infos]
    rules = [rule for rule in MECHANICS if any(rule.name in venue.mechanics for venue in venues)]
    rows = []
    for info, venue in zip(infos, venues, strict=True):
        on = [rule for rule in rules if rule.means_anything(partial(getattr, venue))]
        cells = [_cell(rule, getattr(venue, rule.name)) if rule in on else "" for rule in rules]
        rows.append([f"[{info.name}](#{info.name})", *cells])
    return _table(["venue", *(rule.label for rule in rules)], rows)


def _counts(infos: list[VenueInfo]) -> str:
    """How much of what each venue does beyond part I is modelled, assumed and missing."""
    rows = []
    for info in infos:
        counts = Counter(one.status for one in VenueFile(PRESETS / f"{info.name}.toml").practice)
        rows.append([f"[{info.name}](#{info.name})", *(str(counts[status]) for status in STATUSES)])
    return _table(["of what the venue does", *STATUSES], rows)


def _practice(file: VenueFile) -> str:
    """What the venue does, and what the model makes of it, modelled things first."""
    rows = []
    for one in sorted(file.practice, key=lambda one: STATUSES.index(one.status)):
        rules, source = ", ".join(f"`{rule}`" for rule in one.rules), file.sources[one.source][0]
        rows.append([one.status, one.venue, one.model, rules, _page(source)])
    return _table(["", "the venue", "the model", "rules", "source"], rows)


def _example(example: dict[str, Any]) -> list[str]:
    parts = [f"Example: {example['what']}. Expected {_expected(example['expected'])}.\n"]
    if "tiers" in example:
        parts.append("Recalculated with the tiers of the publication, which are not those above.\n")
    if "rules" in example:
        rules = ", ".join(f"`{name} = {value}`" for name, value in example["rules"].items())
        parts.append(f"Recalculated with {rules}.\n")
    return [*parts, f"Source: {_page(example['source'])}\n"]


def _venue(info: VenueInfo) -> list[str]:
    file = VenueFile(PRESETS / f"{info.name}.toml")
    parts = [f"## {info.name}\n", f"{info.title}, as of {info.date}.\n"]
    if info.missing:
        parts.append("A skeleton. Missing:\n")
        parts.append("".join(f"- {text}\n" for text in info.missing))
    parts.append("Where the model is simpler than the venue:\n")
    parts.append("".join(f"- {note}\n" for note in file.notes))
    parts += [PRACTICE_INTRO, _practice(file)]
    figures = [*file.rules, *(file.tiers_value(market) for market in file.markets)]
    names = [*(figure.name for figure in file.rules), *(f"tiers of {market}" for market in file.markets)]
    parts.append(
        _table(
            ["figure", "value", "status", "date", "source"],
            [
                [name, _value(f.name, f.value), f.status, f.date, _page(f.source)]
                for name, f in zip(names, figures, strict=True)
            ],
        )
    )
    for market in info.markets:
        venue = _load(info.name, market)
        unit = "coins" if venue.tier_basis == "quantity" else venue.money
        header = [f"from ({unit})", f"to ({unit})", "max leverage", "maintenance rate", f"deduction ({venue.money})"]
        parts += [f"### {info.name} {market}\n", _table(header, [_tier(tier) for tier in venue.tiers], numbers=True)]
    for example in file.examples:
        parts += _example(example)
    return parts


def _tier(tier: Tier) -> list[str]:
    cap = "no limit" if tier.cap == float("inf") else f"{tier.cap:,.10g}"
    deduction = f"{round(tier.deduction, 6):,.12g}"
    return [f"{tier.floor:,.10g}", cap, f"{tier.max_leverage:g}", _percent(tier.maintenance_rate), deduction]


def _percent(value: float) -> str:
    return f"{100 * value:.4g} %"


def _value(name: str, value: object) -> str:
    unit = BY_NAME[name].unit if name in BY_NAME else ""
    if isinstance(value, tuple):
        return ", ".join(value)
    if not isinstance(value, float):
        return f"{value}"
    return _percent(value) if unit == "fraction" else _duration(value) if unit == "seconds" else f"{value:,.10g}"


def _duration(seconds: float) -> str:
    size, unit = next((pair for pair in ((3600, "h"), (60, "min")) if seconds >= pair[0]), (1, "s"))
    return f"{seconds / size:g} {unit}"


def _cell(rule: Rule, value: object) -> str:
    """A rule of a venue, where it is compared with others: the phrase of a word."""
    return "none" if value is None else rule.words.get(str(value)) or _value(rule.name, value)


def _default(rule: Rule) -> str:
    return f"`{_value(rule.name, rule.default)}`" if rule.words else _cell(rule, rule.default)


def _page(source: str) -> str:
    return f"<{source}>" if "://" in source else source


def _expected(value: float | list[float]) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else f"{value:,.12g}"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
