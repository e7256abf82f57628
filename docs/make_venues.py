"""Writes docs/venues.md from the venue files. Run it from the root of the repository: `python docs/make_venues.py`."""

from __future__ import annotations

import warnings
from pathlib import Path

from stress.venue.file import PRESETS, VenueFile
from stress.venue.load import VenueInfo, list_venues, load_venue
from stress.venue.rules import ALL_RULES, BY_NAME, RULES, Rule
from stress.venue.tier import Tier
from stress.venue.venue import Venue

PAGE = Path(__file__).with_name("venues.md")
INTRO = """\
# Venues

Made by `python docs/make_venues.py` from `stress/venue/rules.py`, `stress/venue/mechanics.py` and
`stress/venue/presets/*.toml`; change those, not this page.

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
WORDS_INTRO = "What the words mean:\n"


def render() -> str:
    """The page."""
    infos = list_venues()
    parts = [INTRO, "## The rules\n", RULES_INTRO, _rules(), WORDS_INTRO, _words()]
    parts += ["## The presets side by side\n", _presets(infos)]
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


def _rules() -> str:
    """Every rule: unit, words, default and sentence."""
    rows = []
    for rule in ALL_RULES:
        words = ", ".join(f"`{word}`" for word in rule.words)
        rows.append([f"`{rule.name}`", rule.unit or rule.kind, words, _default(rule), rule.sentence])
    return _table(["rule", "unit", "words", "default", "what it decides"], rows)


def _words() -> str:
    rows = [[f"`{rule.name}`", f"`{word}`", text] for rule in ALL_RULES for word, text in rule.words.items()]
    return _table(["rule", "word", "meaning"], rows)


def _presets(infos: list[VenueInfo]) -> str:
    """A column for each rule that is not the same for all presets."""
    venues = [_load(info.name, info.markets[0]) for info in infos]
    rules = [rule for rule in ALL_RULES if len({getattr(venue, rule.name) for venue in venues}) > 1]
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


def _venue(info: VenueInfo) -> list[str]:
    file = VenueFile(PRESETS / f"{info.name}.toml")
    parts = [f"## {info.name}\n", f"{info.title}, as of {info.date}.\n"]
    if info.missing:
        parts.append("A skeleton. Missing:\n")
        parts.append("".join(f"- {text}\n" for text in info.missing))
    parts.append("Where the model is simpler than the venue:\n")
    parts.append("".join(f"- {note}\n" for note in file.notes))
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
        unit = "coins" if venue.tier_basis == "quantity" else "USD"
        header = [f"from ({unit})", f"to ({unit})", "max leverage", "maintenance rate", "deduction (USD)"]
        parts += [f"### {info.name} {market}\n", _table(header, [_tier(tier) for tier in venue.tiers], numbers=True)]
    if example := file.example:
        parts.append(f"Example: {example['what']}. Expected {_expected(example['expected'])}.\n")
        if "tiers" in example:
            parts.append("Recalculated with the tiers of the publication, which are not those above.\n")
        parts.append(f"Source: {_page(example['source'])}\n")
    return parts


def _tier(tier: Tier) -> list[str]:
    cap = "no limit" if tier.cap == float("inf") else f"{tier.cap:,.10g}"
    deduction = f"{round(tier.deduction, 6):,.12g}"
    return [f"{tier.floor:,.10g}", cap, f"{tier.max_leverage:g}", _percent(tier.maintenance_rate), deduction]


def _percent(value: float) -> str:
    return f"{100 * value:.4g} %"


def _value(name: str, value: object) -> str:
    unit = BY_NAME[name].unit if name in BY_NAME else ""
    if not isinstance(value, float):
        return f"{value}"
    if unit == "seconds":
        return f"{value / 3600:g} h" if value >= 3600 else f"{value:g} s"
    return _percent(value) if unit == "fraction" else f"{value:,.10g}"


def _cell(rule: Rule, value: object) -> str:
    """A rule of a venue, where it is compared with others: the phrase of a word."""
    if isinstance(value, tuple):
        return ", ".join(value)
    return "none" if value is None else rule.words.get(str(value)) or _value(rule.name, value)


def _default(rule: Rule) -> str:
    if isinstance(rule.default, tuple):
        return ", ".join(f"`{word}`" for word in rule.default)
    return f"`{rule.default}`" if rule.words else _cell(rule, rule.default)


def _page(source: str) -> str:
    return f"<{source}>" if "://" in source else source


def _expected(value: float | list[float]) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else f"{value:,.12g}"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
