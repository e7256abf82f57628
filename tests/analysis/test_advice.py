"""Claims and questions about ADL: verdicts follow from intervals, figures are those of the run, nothing is skipped."""

from __future__ import annotations

import math

import pytest

import stress
from stress.analysis import cases
from stress.analysis.advice import one_run, other_runs
from stress.analysis.advice.finding import FAILS, HOLDS, OPEN, SILENT, above, below, times
from stress.results.estimate import Estimate
from tests.support.command import caller
from tests.support.results import sample
from tests.support.tiny import TINY

CLAIMS = (
    "conservative", "protects from being selected", "Larger positions", "losing positions", "Take profits", "top up",
    "Diversify", "deep markets", "funding", "root cause", "margin calls", "Small caps",
)  # fmt: skip
QUESTIONS = ("avoid", "told", "exchange lose", "fair", "rest of my position", "market order")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def table(file):
    calmer = stress.load_scenario(file, ["prices.intensity=100"])
    return stress.advice(file, {"the coin": stress.load_scenario(file), "a calmer coin": calmer}, paths=120)


@pytest.mark.parametrize(
    ("ends", "is_above", "is_below"),
    [((1.1, 2.0), HOLDS, FAILS), ((0.2, 0.9), FAILS, HOLDS), ((0.9, 1.1), OPEN, OPEN), ((0.9, math.inf), OPEN, OPEN)],
)
def test_a_verdict_follows_from_the_interval(ends, is_above, is_below):
    e = Estimate(1.05, 0.1, *ends)
    assert (above(e, 1.0), below(e, 1.0)) == (is_above, is_below)


def test_a_ratio_in_words():
    assert times(Estimate(2.5, 0.1, 2.0, 3.0), "{:g}".format) == "2.5 times (2 to 3)"
    assert times(Estimate(2.5, 0.1, 2.0, math.inf, "few"), "{:g}".format) == "2 or more times"
    assert times(Estimate(math.nan, math.nan, 0.0, math.inf, "few"), "{:g}".format) == "an unknown number of times"


def test_every_claim_and_every_question_has_its_row(table):
    claims, questions = (table[table["part"] == part]["asked"].tolist() for part in ("claim", "question"))
    assert len(claims) == len(CLAIMS)
    assert all(word in claim for word, claim in zip(CLAIMS, claims, strict=True))
    assert all(any(word in question for question in questions) for word in QUESTIONS)
    assert sum("fair" in question for question in questions) == 5
    assert set(table["verdict"]) <= {HOLDS, FAILS, OPEN, SILENT, ""}
    assert (table.loc[table["part"] == "claim", "verdict"] != "").all()
    told = table["low"].isna() | ((table["low"] <= table["estimate"]) & (table["estimate"] <= table["high"]))
    assert (told | table["estimate"].isna()).all()
    assert (table["text"].str.len() > 40).all()


def test_figures_are_those_of_the_run():
    result = sample()
    found = {one.asked: one for one in one_run.claims(result)}
    row = result.by_leverage([0, 5, 20, math.inf]).iloc[1]
    e = found["A leverage of 5x to 20x is conservative."].estimate
    assert (e.value, e.low, e.high) == (row["liquidation"], row["liquidation_low"], row["liquidation_high"])
    assert found["Larger positions go first."].verdict == SILENT  # of Binance's score
    by_size = {one.asked: one for one in one_run.claims(sample(score="size"))}
    assert by_size["Larger positions go first."].verdict in (HOLDS, OPEN)


def test_a_claim_about_another_run_is_the_paired_difference(file, table):
    start = cases.read(file, 120, "test")
    thin, deep = cases.run(cases.designs(start, [{"depth.usd": 5e6}, {"depth.usd": 8e7}], "test"))
    row = table[table["asked"] == "Trade deep markets."].iloc[0]
    events = [(r.paths["adl_count"] > 0).to_numpy() for r in (thin, deep)]
    assert row["estimate"] == pytest.approx(events[1].mean() - events[0].mean())
    assert row["verdict"] == below(Estimate(0, 0, row["low"], row["high"]), 0.0)


def test_what_cannot_be_asked_says_why(file):
    from stress.scenario import keys

    endless = keys.with_keys(stress.load_scenario(file), {"depth": "none"})
    found = {q.asked: q.missing for q in other_runs.questions(endless)}
    assert found["Trade deep markets."]
    rows = list(other_runs.claims(cases.read(endless, 4, "test")))
    assert "infinitely deep" in rows[0].text
    assert rows[0].verdict == OPEN


def test_no_adl_is_refused(file):
    with pytest.raises(stress.InputError, match="on none of these anybody"):
        stress.advice(stress.load_scenario(file, ["fund.initial=1e12"]), paths=4)
    with pytest.raises(stress.InputError, match="ADL in its waterfall"):
        stress.advice(stress.load_scenario(file, ["venue.waterfall=['fund']"]), paths=4)


def test_coins_are_held_against_the_largest(table):
    row = table[table["asked"].str.contains("Small caps")].iloc[0]
    assert row["measure"] == "P(ADL) of a calmer coin less that of the coin"
    assert row["estimate"] < 0
    for words in ("2022-11: USD", "2025-10-10: USD", "on the prices of SOL"):
        assert words in row["text"]


def test_one_other_market_is_no_comparison(file):
    with pytest.raises(stress.InputError, match="two markets or more"):
        stress.advice(file, {"one": file}, paths=4)


def test_the_command(file, tmp_path, capsys):
    call = caller(capsys)
    out = tmp_path / "advice.csv"
    code, text, _ = call("advice", file, "--paths", 60, "--out", out)
    assert code == 0
    assert "Trade deep markets. " in text
    assert "What traders ask" in text
    assert "no probability. What crashes of the past" in text
    code, _, err = call("advice", file, "--other", "nothing", "--other", "=x")
    assert code == 2
    assert err.count("NAME=FILE") == 2
