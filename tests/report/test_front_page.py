"""Page one: the verdict, its difference, how rare a day is, and what the studies say in words."""

import dataclasses
import math

import pytest

from stress import report
from stress.report import front_page
from stress.report.front_page import ADEQUATE, OPEN, SHORT, a_day, adequacy, chance_words, once_in
from stress.results.estimate import Estimate
from stress.runs import record as records
from tests.support.results import one_path, quiet, sample
from tests.support.studies import studies

NBSP = "\u00a0"


def plain(text):
    return text.replace(NBSP, " ")


def estimate(value, low, high, note=""):
    return Estimate(value, 1.0, low, high, note)


@pytest.mark.parametrize(
    ("fund", "verdict", "words"),
    [
        (1e6, SHORT, "short by USD 9 M (USD 7.00 M to 12.0 M)"),
        (20e6, ADEQUATE, "adequate, with USD 10 M to spare"),
        (13e6, ADEQUATE, "adequate, with USD 3 M to spare"),  # the upper end itself is enough
        (9e6, OPEN, "not decided: from USD 1 M to spare to USD 4 M short"),
        (math.inf, ADEQUATE, "no limit"),
    ],
)
def test_a_fund_is_judged_by_the_interval_of_the_required_one(fund, verdict, words):
    found = adequacy(fund, estimate(10e6, 8e6, 13e6))
    assert (found.verdict, plain(found.words)) == (verdict, words.replace("(USD ", "("))


def test_a_bound_shows_no_fund_to_be_enough():
    bound = estimate(10e6, 8e6, math.inf, "10 paths")
    assert plain(adequacy(50e6, bound).words) == "not decided: from USD 42 M to spare to no upper end"
    assert adequacy(50e6, bound).verdict == OPEN
    assert plain(adequacy(1e6, bound).words) == "short by USD 7 M or more"


def test_a_range_of_delays_is_judged_at_both_ends():
    least, most = estimate(2e6, 1e6, 3e6), estimate(10e6, 8e6, 13e6)
    assert plain(adequacy(20e6, least, most).words) == "adequate, with USD 10.0 M to 18.0 M to spare"
    assert plain(adequacy(5e5, least, most).words) == "short by USD 1.50 M to 9.50 M (500 k to 12.5 M)"
    assert adequacy(5e6, least, most).verdict == OPEN


def test_the_probability_of_a_day_compounds_to_that_of_the_horizon():
    p = a_day(0.2, 7 * 86_400.0)
    assert 1 - (1 - p) ** 7 == pytest.approx(0.2)
    assert a_day(0.01, 86_400.0) == pytest.approx(0.01)
    assert pytest.approx(a_day(0.01, 14_400.0)) == 1 - (1 - 0.01) ** 6
    assert a_day(1.0, 3_600.0) == 1.0


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.01, 0.01, "1 in 100 days"),
        (0.045, 0.059, "1 in 17 to 22 days"),
        (0.001, 0.001, "1 in 2.7 years"),
        (0.0005, 0.002, "1 in 500 to 2,000 days"),
        (0.0, 0.001, "rarer than 1 in 2.7 years"),
    ],
)
def test_how_rare_a_day_is(low, high, words):
    assert once_in(low, high) == words


def test_what_was_never_seen_is_rarer_than_its_bound():
    assert plain(chance_words(0.0, 0.0, 0.01, 86_400.0)) == "below 1 % a day: rarer than 1 in 100 days"
    assert plain(chance_words(0.05, 0.045, 0.059, 86_400.0)) == "5 % a day: 1 in 17 to 22 days"


def record(result, **changes):
    made = records.of_result(result, name="a run", alphas=(0.05, 0.001))
    return dataclasses.replace(made, **changes)


def test_the_studies_are_said_in_words():
    said = {term: plain(text) for term, text in front_page.facts(record(sample(), studies=studies()))}
    assert said["Worst crash of history on this book"] == (  # the one that steps can tell, though the other takes more
        "Flash crash (13 % down, 1 % up), with a delay of 1 minute: it takes USD 2.3 M of a fund of USD 300 k, which "
        "is depleted; ADL takes USD 410 k from 11 accounts."
    )
    assert said["Smallest move that empties the fund"] == (
        "A fall of 5.1 % at once; prices go so far within 1 day, fast or slowly, with a probability of 8 % "
        "(7.5 to 8.6 %). "
        "A rise of 6.2 % at once; prices go so far within 1 day, fast or slowly, with a probability of below 0.037 % "
        "(none seen)."
    )
    inputs = said["Inputs that matter most"]
    assert inputs.startswith("Fund for 0.1 %. `run.delay` from 10s to 5min: USD 1 M to USD 12 M; `population.open_")
    assert "venue.fee_rate" not in inputs


def test_without_studies_the_command_is_named_that_adds_them():
    said = dict(front_page.facts(record(sample())))
    for term in (
        "Worst crash of history on this book",
        "Smallest move that empties the fund",
        "Inputs that matter most",
    ):
        assert "--studies" in said[term]


def test_the_verdict_is_a_sentence():
    assert (
        plain(front_page.verdict(record(sample()))) == "The fund of USD 300 k is adequate for 5 %, too small for 0.1 %."
    )
    assert front_page.verdict(record(quiet())) == "The fund has no limit in this run."
    one = plain(front_page.verdict(record(one_path())))
    assert one.startswith("On this one path the fund of USD 100 k is short by USD ")


def test_a_fund_that_was_not_given_is_not_judged():
    """Of a scenario that `perp-stress new` makes without --fund: its fund is the reserve."""
    none = record(sample(fund=0.0))
    assert (
        plain(front_page.verdict(none)) == "No fund is given (a fund of USD 0): the answer is the fund that is needed."
    )
    page = plain(report.render(none))
    assert "How large must the fund be?" in page
    assert "with a fund of USD 0" in page
    for said in ("present one of", "present fund", "not decided", "short by", "to spare", "card short"):
        assert said not in page, said
    assert "and is the present one of USD 300 k enough?" in plain(report.render(record(sample())))


def test_who_signs_it():
    named = record(sample())
    named = dataclasses.replace(named, manifest=named.manifest | {"author": "Market risk"})
    signed = dict(front_page.signed(named))
    assert signed["Author"] == "Market risk"
    assert signed["Scenario"].endswith(named.manifest["hash"][:12])
    assert "--author" in dict(front_page.signed(record(sample())))["Author"]
