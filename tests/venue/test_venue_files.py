"""Files of a user's own venue: what they may say, what is refused in them and how it is said."""

import math
from dataclasses import fields, replace
from pathlib import Path

import pytest

from stress.serialize import toml_value
from stress.venue import file
from stress.venue.file import KEYS, SourcedValue
from stress.venue.load import list_venues, load_venue
from stress.venue.tier import Tier
from stress.venue.venue import Venue
from tests.support.venues import TIERS, only_problem, problems_of

pytestmark = [pytest.mark.nojit, pytest.mark.filterwarnings("ignore:venue .* is a skeleton")]


# the example of the module's own text
MINIMAL = "\n".join(line.strip() for line in file.__doc__.splitlines() if line.startswith("    "))


PRACTICE = "[[practice]]\nvenue = 'It cuts.'\nmodel = 'It does not.'\nsource = 'x'\n"


@pytest.fixture
def write(tmp_path):
    def to_file(text: str) -> Path:
        path = tmp_path / "venue.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def test_a_minimal_file(write):
    path = write(MINIMAL)
    venue = load_venue(path)
    assert replace(venue, figures=()) == Venue("mine", TIERS, market="XYZUSDT", fee_rate=0.005)
    assert venue == load_venue(str(path), "XYZUSDT")
    assert venue.figures[0] == SourcedValue("fee_rate", 0.005, str(path), "", "user")


OWN_MECHANICS = {
    "closeout": "fraction", "partial_above": 5.0, "fraction": 0.25, "cooldown": 5_400.0, "carrier": "vault",
    "takeover_below": math.inf, "unload_half_life": 0.0, "waterfall": ("vault", "adl", "fund", "socialise"),
    "socialise": "everybody", "throughput": 2.0, "mark": "ema", "mark_half_life": 5_400.0,
}  # fmt: skip


def test_a_full_file_comes_back_as_written(write):
    given = Venue(
        name="own", tiers=TIERS, market="B", fee_rate=0.01, residual="trader", policy="pro_rata", score="profit",
        settlement="bankruptcy", adl_price="mark", reserve=5.0, drawdown=0.25, drawdown_window=5_400.0,
        tier_basis="entry_notional", title="Our own", notes=("a", "b"), **OWN_MECHANICS,
    )  # fmt: skip
    rules = "\n".join(
        f"{name} = {{ value = {toml_value(getattr(given, name))}, source = 'book' }}".replace("5400.0", "'90min'")
        for name in KEYS["rules"]
        if getattr(given, name) is not None
    )
    rows = [[getattr(tier, f.name) for f in fields(Tier)] for tier in TIERS]
    text = f"""
    [venue]
    name = "own"
    title = "Our own"
    notes = ["a", "b"]
    [sources]
    book = {{ page = "rule book 4.2", date = 2026-01-31, status = "official" }}
    [rules]
    {rules}
    [markets.A]
    deduction = "flat"
    tiers = [[0, inf, 10, 0.01]]
    [markets.B]
    source = "book"
    tiers = {rows}
    """
    venue = load_venue(write(text), "B")
    assert replace(venue, figures=()) == given
    assert {(f.source, f.date, f.status) for f in venue.figures} == {("rule book 4.2", "2026-01-31", "official")}
    assert venue.figures[-1].value == "2 tiers"


@pytest.mark.parametrize(("text", "wanted"), [("8h", 28_800), ("90 min", 5_400), ("30s", 30), ("1.5d", 129_600)])
def test_durations(write, text, wanted):
    rules = f"drawdown = 0.3\ndrawdown_window = '{text}'\n"
    assert load_venue(write(MINIMAL.replace("fee_rate = 0.005\n", rules))).drawdown_window == wanted


@pytest.mark.parametrize(
    ("old", "new", "column", "said"),
    [
        ("fee_rate", "fee_rte", "rules.fee_rte", "the nearest is 'fee_rate'"),
        ("fee_rate = 0.005", "fee_rate = 5", "fee_rate", "a fraction in [0, 1)"),
        ("fee_rate = 0.005", "fee_rate = { valu = 1 }", "rules.fee_rate", "{ value = ..., source = ... }"),
        ("fee_rate = 0.005", "fee_rate = { value = 0.1, source = 'x' }", "rules.fee_rate.source", "a key of [sources]"),
        ("fee_rate = 0.005", "drawdown = 0.3\ndrawdown_window = '8 fortnights'", "drawdown_window", '"8h"'),
        ('name = "mine"', "notes = 'one'", "venue.notes", "a list of texts"),
        ('name = "mine"', "missing = 1", "venue.missing", "a list of texts"),
        ("[rules]", "[rule]", "rule", "the nearest is 'rules'"),
        ("[rules]", "[practice]\n[rules]", "practice", "tables, [[practice]]"),
        ("[rules]", "[[practice]]\nvenue = ''\n[rules]", "practice 1 venue", "a text"),
        ("[rules]", f"{PRACTICE}status = 'modeled'\n[rules]", "practice 1 status", "the nearest is 'modelled'"),
        ("[rules]", f"{PRACTICE}status = 'modelled'\n[rules]", "practice 1 rules", "the rules that stand for it"),
        (
            "[rules]",
            f"{PRACTICE}status = 'assumed'\nrules = ['score']\n[rules]",
            "practice 1 rules",
            "a rule of the file",
        ),
        (
            "[rules]",
            f"{PRACTICE}status = 'missing'\nrules = ['fee_rate']\n[rules]",
            "practice 1 rules",
            "and none with",
        ),
        ("[rules]", f"{PRACTICE}status = 'missing'\n[rules]", "practice 1 source", "a key of [sources]"),
        ("[rules]", f"{PRACTICE}status = 'missing'\nrule = 1\n[rules]", "practice 1 rule", "the nearest is 'rules'"),
        ("[rules]", "[sources.a]\npage = 'p'\nstatus = 'user'\n[rules]", "sources.a.date", "a date"),
        ("[rules]", "[sources]\na = 1\n[rules]", "sources.a", "a table"),
        ('"continuity"', '"continuous"', "markets.XYZUSDT.deduction", '"continuity" or "flat"'),
        ('deduction = "continuity"', "", "markets.XYZUSDT.tiers row 1", "5 numbers: floor, cap"),
        ("50, 0.01", "50", "markets.XYZUSDT.tiers row 1", "4 numbers: floor, cap"),
        ("[100_000, inf", "[200_000, inf", "tier 2 floor", "100000, the cap of tier 1"),
        ("tiers", "tier", "markets.XYZUSDT.tier", "the nearest is 'tiers'"),
    ],
)
def test_refused_in_a_file(write, old, new, column, said):
    path = write(MINIMAL.replace(old, new))
    found = dict(problems_of(lambda: load_venue(path)))
    assert said in found[column]
    assert all(text.startswith(str(path)) for text in found.values())


def test_all_problems_of_a_file_at_once(write):
    text = MINIMAL.replace("fee_rate = 0.005", "fee_rate = 2\nscor = 'x'").replace("[100_000", "[1")
    columns = [column for column, _ in problems_of(lambda: load_venue(write(text)))]
    assert columns == ["rules.scor", "fee_rate", "tier 2 floor"]


def test_files_that_are_none(write, tmp_path):
    assert "TOML" in only_problem(lambda: load_venue(write("[venue")))[1]
    assert only_problem(lambda: load_venue(write("")))[0] == "markets"
    assert "expected a file, and there is none here" in only_problem(lambda: load_venue(tmp_path / "absent.toml"))[1]
    _, text = only_problem(lambda: load_venue("binnance"))
    assert f"one of {', '.join(info.name for info in list_venues())}" in text
    assert "nearest is 'binance'" in text


def test_an_unknown_market_names_the_known_ones():
    column, text = only_problem(lambda: load_venue("binance", "BTCUSD"))
    assert column == "market"
    assert "got 'BTCUSD'" in text
    assert "BTCUSDT, ETHUSDT, SOLUSDT" in text
    assert "the nearest is 'BTCUSDT'" in text
    assert "nearest" not in only_problem(lambda: load_venue("binance"))[1]
