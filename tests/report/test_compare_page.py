"""The page of a comparison: what differs, by how much, in words, pictures and tables."""

import html
import math
import re

import pandas as pd
import pytest

import stress
from stress.errors import InputError
from stress.report import compare_page
from stress.report.compare_page import Comparison
from tests.support.results import HOSTILE, sample

ALPHAS = (0.05, 0.001)


def scenario(name, **venue):
    return {"name": name, "venue": {"preset": "binance"} | venue, "run": {"gap": 0.0}}


@pytest.fixture(scope="module")
def found():
    results = {"a/x.toml": sample(), "b/x.toml": sample(jump_gap=0.0), "c.toml": sample()}
    scenarios = [scenario("today"), scenario(HOSTILE, score="size", fee_rate=0.01), scenario("same")]
    table = stress.compare(results, ALPHAS)
    return Comparison(results, dict(zip(results, scenarios, strict=True)), table, ALPHAS)


def said(page):
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>|<[^>]*>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(text).replace("\u00a0", " ").split())


def test_keys_that_differ(found):
    assert found.changed.to_dict("list") == {
        "design": ["b/x.toml"] * 2,
        "key": ["venue.score", "venue.fee_rate"],
        "first": ["", ""],
        "this": ["size", "0.01"],
    }


def test_the_page_says_what_differs_and_by_how_much(found):
    page = compare_page.render(found.titled())
    text = said(page)
    row = found.table.set_index(["design", "quantity"]).loc[("b/x.toml", "fund for alpha = 0.05")]
    assert f"{HOSTILE}: the fund for 5 % is {stress.formatting.usd(row['value'])}".replace("\u00a0", " ") in text
    assert f"{HOSTILE}: the fund for 0.1 % is at least" in text
    assert "difference not known (two bounds)" in text
    assert "venue.score – size" in text
    assert "No key of same differs from today." in text
    assert page.count("<svg") == 2
    assert "<script" not in page.lower()
    assert page == compare_page.render(found.titled())


def test_designs_are_called_by_their_titles_where_these_differ(found):
    assert list(found.titled().results) == ["today", HOSTILE, "same"]
    alike = {name: scenario("x") for name in found.scenarios}
    by_path = Comparison(found.results, alike, found.table, ALPHAS)
    assert list(by_path.titled().results) == list(found.results)  # x, x, c: files of one name
    two = {name: found.results[name] for name in ("a/x.toml", "c.toml")}
    stems = Comparison(two, {n: scenario("x") for n in two}, found.table[found.table["design"] == "c.toml"], ALPHAS)
    assert list(stems.titled().results) == ["x", "c"]
    assert set(stems.titled().table["design"]) == {"c"}


def test_files_of_a_comparison(found, tmp_path):
    place = tmp_path / "compared"
    assert compare_page.write(found, place) == place / "report.html"
    names = {x.relative_to(place).as_posix() for x in place.rglob("*") if x.is_file()}
    pictures = {f"figures/{n}.{k}" for n in ("depletion_curves", "paired_difference") for k in ("svg", "png")}
    assert names == {"report.html", "comparison.csv", "changed.csv"} | pictures
    table = pd.read_csv(place / "comparison.csv")
    assert table["difference"].tolist() == pytest.approx(found.table["difference"].tolist(), nan_ok=True, rel=0, abs=0)
    before = (place / "report.html").read_bytes()
    compare_page.write(found, place)  # again, over itself
    assert (place / "report.html").read_bytes() == before
    (place / "mine.txt").write_text("")
    with pytest.raises(InputError, match=r"it holds mine\.txt"):
        compare_page.write(found, place)


def test_what_an_output_is(tmp_path):
    assert compare_page.is_directory(tmp_path)
    assert compare_page.is_directory(tmp_path / "new")
    assert not compare_page.is_directory(tmp_path / "table.csv")
    (tmp_path / "file").write_text("")
    assert not compare_page.is_directory(tmp_path / "file")


def test_curves_of_all_designs_and_their_differences(found):
    from matplotlib.figure import Figure

    ax = stress.plots.plot_depletion_curves(found.results, alphas=ALPHAS, ax=Figure().subplots())
    assert [t.get_text() for t in ax.get_legend().get_texts()] == list(found.results)
    ax = stress.plots.plot_paired_difference(found.results, alphas=ALPHAS, ax=Figure().subplots())
    lines = {line.get_label(): line for line in ax.lines}
    assert set(found.results) - set(lines) == {"a/x.toml"}
    assert (lines["c.toml"].get_ydata() == 0).all()
    at_zero = lines["b/x.toml"].get_ydata()[0]
    needs = [found.results[name].paths["fund_needed"] for name in ("b/x.toml", "a/x.toml")]
    assert at_zero == pytest.approx(100 * ((needs[0] > 0).mean() - (needs[1] > 0).mean()))
    assert math.isfinite(at_zero)
    for call in (stress.plots.plot_depletion_curves, stress.plots.plot_paired_difference):
        with pytest.raises(InputError, match="mapping of names to results"):
            call([sample()])
