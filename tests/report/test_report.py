"""The report: one file, everything in it, nothing in it that a reader could misread or a name could break."""

import dataclasses
import html
import math
import re
import shutil
import subprocess
from functools import cache
from html.parser import HTMLParser

import pandas as pd
import pytest
from markupsafe import escape

import stress
from stress import formatting, report
from stress.analysis.study import REQUIRED_FUND
from stress.report import prose
from stress.runs import record as records
from stress.venue.tier import Tier
from stress.venue.venue import Venue
from tests.support.records import ALPHAS, record
from tests.support.results import HOSTILE, one_path, one_side, quiet, sample
from tests.support.studies import studies

SECTIONS = (
    "answer",
    "warnings",
    "gaps",
    "key-assumptions",
    "fund",
    "who",
    "adl-costs",
    "loss",
    "cliffs",
    "worst",
    "shortfall",
    "committee",
    "concentration",
    "assumptions",
    "provenance",
)
FIGURES = (
    "curve",
    "time",
    "fan",
    "leverage",
    "side",
    "size",
    "loss",
    "cliff",
    "population",
    "path",
    "losses",
    "day",
    "costs",
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def full():
    return record(sample(), [sample(jump_gap=0.0), sample(gap=1.0)])


@pytest.fixture(scope="module")
def page(full):
    return report.render(full)


@pytest.fixture(scope="module")
def pages():
    """The whole page of each kind of run, rendered once."""
    return cache(lambda kind: report.render(record(kind())))


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and the text of each section."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.open = [], {}, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "path", "use", "rect", "br"):
            self.open.append((tag, dict(attributes).get("id")))

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for _, name in self.open:
            if name:
                self.text[name] = self.text.get(name, "") + " " + data.replace(formatting.SPACE, " ")

    def said(self, name):
        return " ".join(self.text[name].split())


def test_asks_for_nothing_outside_itself(page):
    tags = Page(page).tags
    assert not [tag for tag, _ in tags if tag in ("script", "iframe", "object", "embed", "img", "base", "form")]
    for _, attributes in tags:
        for key in ("src", "href", "xlink:href", "action", "data"):
            assert str(attributes.get(key, "#")).startswith(("#", "data:,")), attributes
        assert not [key for key in attributes if key.startswith("on")]
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert not re.search(r"https?://(?!www\.binance\.com)", page)  # sources of figures may be named, as text


def test_ids_are_unique_and_every_reference_finds_its_own(page):
    ids = [attributes["id"] for _, attributes in Page(page).tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"url\(#([^)]+)\)", page)) | set(re.findall(r'href="#([^"]+)"', page))
    assert len(used) > 20
    assert used <= set(ids)


def test_names_are_text(page):
    assert "<script" not in page.lower()
    assert html.escape(HOSTILE, quote=False).split(" &amp;")[0].replace('"', "&#34;") in page
    assert HOSTILE in Page(page).said("who")
    assert HOSTILE in Page(page).said("warnings")
    assert "<script" not in report.render(record(sample(), name="x</title><script>")).lower()


@pytest.mark.parametrize("kind", [sample, quiet, one_path, one_side], ids=lambda f: f.__name__)
def test_every_line_of_every_picture_is_drawn(kind, pages):
    page = pages(kind)
    paths = [attributes for tag, attributes in Page(page).tags if tag == "path"]
    assert len(paths) > 50
    assert not [attributes for attributes in paths if not attributes.get("d")]
    assert "<g/>" not in page  # what is left of a marker off the canvas


def test_legends_lie_on_the_canvas_with_a_handle_for_each_word(page):
    legends = {}
    for name in FIGURES:
        start = page.index(f'<figure id="figure-{name}"')
        picture = page[start : page.index("</figure>", start)]
        width, _ = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture).groups())
        for legend in re.findall(rf'<g id="{name}-legend_\d+">(.*?)\n   </g>', picture, re.DOTALL):
            legends[name] = re.findall(r"<text[^>]*>([^<]*)</text>", legend)
            assert len(legends[name]) <= len(re.findall(r'<path [^>]*d="M|<use ', legend)), name
            places = re.findall(r'<text[^>]* x="([-\d.]+)" y="([-\d.]+)"', legend)
            assert len(places) == len(legends[name])
            assert all(0 < float(x) < width and float(y) > 5 for x, y in places), name
    assert set(legends) == set(FIGURES) - {"loss"}
    assert legends["side"][:2] == ["Longs", "Shorts"]
    assert "Median" in legends["fan"]


def test_sections_and_figures_are_all_there(page):
    ids = {attributes.get("id") for _, attributes in Page(page).tags}
    assert ids >= set(SECTIONS)
    assert ids >= {f"figure-{name}" for name in FIGURES}
    assert page.count("<svg") == len(FIGURES)
    assert page.count('role="img" aria-label=') == len(FIGURES)


def test_the_answer_comes_first_with_its_interval_and_bound(page, full):
    seen = Page(page)
    assert page.index('id="answer"') < page.index("<svg")
    answer = seen.said("answer")
    five, rare = full.required.to_dict("records")
    assert formatting.usd(five["fund"]).replace(formatting.SPACE, " ") in answer
    assert formatting.usd_range(five["low"], five["high"]).replace(formatting.SPACE, " ") in answer
    assert rare["note"]
    assert "at least " + formatting.usd(rare["fund"]).replace(formatting.SPACE, " ") in answer
    assert rare["note"] in answer
    e = full.result.depletion_probability()
    assert formatting.percent_range(e.low, e.high).replace(formatting.SPACE, " ") in answer
    for setting in ("gap = 0", "jump_gap = 1", "USD 20 M", "Kou"):
        assert setting in seen.said("key-assumptions")


def test_the_pairs_of_gaps_stand_side_by_side(page, full):
    said = Page(page).said("gaps")
    for pair in ("0, 0", "0, 1 chosen", "1, 1"):
        assert pair in said
    for pair in records.gap_pairs(full.gaps):
        assert formatting.usd(pair.estimate(REQUIRED_FUND, 0.05).value).replace(formatting.SPACE, " ") in said


@pytest.mark.usefixtures("no_pictures")
def test_the_calibration_stands_in_the_report(full):
    judged = [
        {"horizon": 300.0, "of": "low", "move": -0.03, "observed": 25.0, "low": 13.8, "high": 41.6, "expected": 3.6,
         "se": 0.7, "inside": False, "far": True, "later": [21.0, 10.0, 40.0, 1.7]},
        {"horizon": 86_400.0, "of": "low", "move": -0.03, "observed": 84.0, "low": 67.0, "high": 104.0,
         "expected": 108.0, "se": 3.0, "inside": True, "far": False},
        {"horizon": "x", "of": HOSTILE},
    ]  # fmt: skip
    fund = [{"gap": 0.5, "probability": 0.01, "observed": 3e6, "low": 1e6, "high": 2e7, "expected": 6e4,
             "expected_low": 0.0, "expected_high": 5e5, "inside": False}]  # fmt: skip
    provenance = {
        "source": HOSTILE, "first": "2023-01-01T00:00:00Z", "last": "2024-05-14T15:35:00Z", "step": 300.0,
        "gaps": "3 gaps, 7 bars missing", "fit_for_sizing": {"fit": False, "days": 7.0}, "reasons": ["7 days of bars"],
        "notes": ["sizes no fund"], "judged": judged, "fund": fund,
    }  # fmt: skip
    given = dataclasses.replace(full, scenario=full.scenario | {"prices": {"provenance": provenance}})
    page = report.render(given)
    section = page[page.index('<section id="calibration">') : page.index('<section id="assumptions">')]
    for text in (
        "Not fit for sizing a fund.", "7 days of bars", "2023-01-01T00:00:00Z", "3 gaps, 7 bars missing",
        "sizes no fund", "25.0 / 3.6!", "84.0 / 108", "21.0 / 1.7*", "the later half, fitted to the earlier one",
        str(escape(HOSTILE)),
    ):  # fmt: skip
        assert text in section, text
    assert "USD\u00a03\u00a0M (USD\u00a01.00\u00a0M to 20.0\u00a0M)" in section
    assert 'id="calibration"' not in report.render(full)


@pytest.mark.usefixtures("no_pictures")
def test_a_jump_gap_beyond_what_the_bars_propose_stands_beside_the_answer(full):
    from dataclasses import replace

    proposal = {"prices": {"provenance": {"jump_gap": [0.01, 0.57]}}}
    said = "jump_gap = 1 is an upper bound: the bars behind the price model propose 0.01 to 0.57."
    fourth = full.gaps[full.gaps["chosen"]].assign(jump_gap=0.57, chosen=False)
    made = replace(
        full,
        scenario=full.scenario | proposal,
        manifest=full.manifest | {"warnings": [said]},
        gaps=pd.concat([full.gaps, fourth]),
    )
    page = Page(report.render(made))
    answer = page.said("answer").split("The same run")[0]
    assert answer.count(said) == len(ALPHAS)
    assert said not in page.said("warnings")
    assert "0, 0.57 highest the bars propose" in page.said("gaps")
    inside = replace(full, scenario=full.scenario | {"prices": {"provenance": {"jump_gap": [0.01, 1.0]}}})
    assert "upper bound: the bars" not in report.render(inside)


def test_text_is_marked_up_and_shown_in_letters_that_fonts_have(pages):
    assert prose.marked("Binance USDⓈ-M: `fund` < 1") == "Binance USDS-M: <code>fund</code> &lt; 1"
    page = pages(sample)
    assert "Ⓢ" not in page
    assert "`" not in Page(page).said("assumptions")


@pytest.mark.usefixtures("no_pictures")
def test_numbers_that_differ_are_explained(page):
    seen = Page(page)
    assert "with a fund without limit" in seen.said("worst")
    assert "may fill the fund again" in seen.said("worst")
    assert "so the two differ" in seen.said("loss")
    money = Page(report.render(record(sample(settlement="profit"))))
    assert "so the two differ" not in money.said("loss")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"settlement": "profit"}, "; a winner realises profit at the mark price, and it pays the loss."),
        ({"settlement": "bankruptcy"}, "closed against winners at the bankruptcy price."),
        ({"settlement": "bankruptcy", "adl_price": "mark"}, "closed against winners at the mark price."),
        ({"policy": "pro_rata"}, "ADL: all winners share the loss in proportion to what they can bear; "),
        ({"score": "profit_size"}, ", by score (classes of return, then size); "),
    ],
)
def test_rules_of_adl_are_said_in_words(rules, said):
    venue = Venue("x", [Tier(0, math.inf, 50, 0.01)], **rules)
    assert any(said in text for text in prose.assumptions({"venue": venue.describe()}))


def test_assumptions_speak_of_the_layers_that_there_are():
    venue = stress.load_venue("hyperliquid", "BTC").describe()
    said = " ".join(prose.assumptions({"venue": venue}))
    assert "what the vault cannot pay" in said
    assert "goes back to the trader." in said
    assert "ADL: " not in " ".join(prose.assumptions({"venue": venue | {"waterfall": ["house", "socialise"]}}))


def test_no_interval_of_money_reaches_below_zero(page):
    """But of regret, which is a difference."""
    before, rest = page.split('<section id="adl-costs">')
    assert "USD\u00a0−" not in before
    assert "USD\u00a0−" not in rest.split("</section>", 1)[1]


def test_worst_paths_are_named_with_what_they_cost(page, full):
    said = Page(page).said("worst")
    for path, row in full.result.paths.nlargest(5, "deficit").iterrows():
        assert f"{path} {formatting.usd(row['deficit'])}".replace(formatting.SPACE, " ") in said
    assert "perp-stress path RUN" in said


def test_what_was_never_seen_is_said_as_its_bound(pages):
    result = quiet()
    page = Page(pages(quiet))
    high = formatting.percent(result.depletion_probability().high).replace(formatting.SPACE, " ")
    assert f"below {high}" in page.said("answer")
    assert "None seen in 60 paths" in page.said("answer")
    for name in ("answer", "who", "gaps"):
        assert not re.search(r"(?<![\d.])0 %", page.said(name)), name
    assert "no limit" in page.said("answer")
    assert "No path has a loss beyond margin" in page.said("worst")


@pytest.mark.usefixtures("no_pictures")
def test_a_floor_triggers_adl_and_empties_no_fund():
    page = Page(report.render(record(sample(drawdown=0.3))))
    answer = page.said("answer")
    assert "chance of ADL" in answer
    assert "ADL triggered" in answer
    assert "Fund empty: below" in answer
    assert "depletion" not in answer
    assert "before the fund is empty" in page.said("assumptions")


def test_one_path_gives_no_probability(pages):
    page = Page(pages(one_path))
    answer = page.said("answer")
    assert "One path gives no probability" in answer
    assert formatting.usd(one_path().paths["fund_needed"][0]).replace(formatting.SPACE, " ") in answer
    assert "%" not in answer.split("depends on")[0]
    assert "figure-time" not in page.text
    assert "figure-path" in page.text


def test_page_one_ends_before_the_rest_and_has_a_colour_by_its_verdict(page, pages):
    answer = page[page.index('<section id="answer"') : page.index('<section id="range"')]
    for part in ('class="verdict"', 'id="gaps"', 'id="figure-curve"', "--studies", "1 in 3.8 days", "Author"):
        assert part in answer, part
    assert re.findall(r'class="card (\w+)"', answer) == ["adequate", "short", "short"]
    assert re.findall(r'class="card (\w+)"', pages(one_path)) == ["short", "short"]
    assert set(re.findall(r'class="card (\w+)"', pages(quiet))) == {"adequate"}
    assert "<h1>Insurance fund of Binance USDS-M futures, BTCUSDT</h1>" in page


def test_what_never_happened_leaves_no_empty_picture(pages):
    page = pages(quiet)
    for name in ("time", "fan", "loss", "path"):
        assert f'id="figure-{name}"' not in page
    assert "No path has depleted the present fund, " in Page(page).said("fund")
    assert "Not shown: it takes a tail in which the fund is needed" in Page(page).said("shortfall")


def test_shares_of_the_shortfall_and_of_the_largest_accounts(page):
    seen = Page(page)
    said = seen.said("shortfall")
    for text in ("worst 5 % of paths (20 of 400)", "By leverage", "By side", "By size", "the largest tenth"):
        assert text in said, text
    assert HOSTILE in seen.said("concentration")
    assert "So the fund is sized by the sum of all losses" in seen.said("concentration")


@pytest.mark.usefixtures("no_pictures")
def test_studies_adjustments_and_author_are_shown(full):
    done = {"where": "positions.csv", "what": "left out", "rule": "another market", "count": 67, "of": 200,
            "unit": "rows", "amount": "USD 1.2 M", "rows": [3, 7]}  # fmt: skip
    manifest = full.manifest | {"adjustments": [done, done | {"what": "scaled"}], "author": "Market <risk>"}
    page = Page(report.render(dataclasses.replace(full, studies=studies(), manifest=manifest)))
    said = page.said("answer")
    assert "Flash crash (13 % down" in said
    assert "67 of 200 rows, USD 1.2 M left out (rows 3, 7, ...): another market. And 1 more, listed below." in said
    assert "Author Market <risk>" in said
    assert page.said("adjustments").count("67 of 200 rows") == 2
    assert "Slide: a day 10 seconds*" in page.said("studies")
    assert "run.delay 0.1 % 10s to 5min" in page.said("studies")
    assert "maintenance + 1 point 21,676 −0.8 pp −1.2 to −0.4 pp USD −2 M" in page.said("studies")
    assert "As it is: P(fund depleted, ADL triggered) 5 %, Fund for 0.1 % USD 4 M." in page.said("studies")
    assert "maintenance + 1 point: 363 positions liquidated at once." in page.said("studies")


def test_one_side_only_is_reported(pages):
    assert "Left unpaid" in Page(pages(one_side)).said("loss")


@pytest.mark.usefixtures("no_pictures")
def test_a_result_without_its_run_is_reported_without_the_pictures_of_single_paths(full):
    from dataclasses import replace

    old = replace(full, result=replace(full.result, design=None))
    page = report.render(old)
    assert page.count("<figure ") == len(FIGURES) - 3  # path, day, costs


def test_provenance_names_files_and_not_where_they_lay(page):
    said = Page(page).said("provenance")
    for text in ("bars.csv, sha256 f00d", "5ca1ab1e", "numba", "2025-01-02"):
        assert text in said
    assert "/home" not in page


def test_text_of_the_pictures_is_left_as_it_was(page):
    figure = Page(page).text["figure-leverage"]
    ticks = re.findall(r"[\d.]+ %", figure)
    assert "100 %" in ticks
    assert all(float(tick.split()[0]) > 0 for tick in ticks)


def test_two_writes_give_the_same_bytes(full, tmp_path):
    first = report.write(full, tmp_path / "a.html")
    second = report.write(full, tmp_path / "b.html")
    assert first == tmp_path / "a.html"
    assert first.read_bytes() == second.read_bytes()
    assert b"\r" not in first.read_bytes()


PROBE = """<!doctype html><html><body><pre id="probe">waiting</pre>{frames}<script>
addEventListener("load", () => {{
  const lines = [...document.querySelectorAll("iframe")].map(frame => {{
    const root = frame.contentDocument.documentElement;
    const wide = [...root.querySelectorAll("body *")].filter(e => !e.closest(".scroll") && !e.closest("svg")
      && e.getBoundingClientRect().right > root.clientWidth + 1).map(e => e.tagName + "." + e.className);
    return [root.clientWidth, root.scrollWidth, wide.length, ...wide.slice(0, 3)].join(" ");
  }});
  document.getElementById("probe").textContent = lines.join(";");
}});
</script></body></html>"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on PATH")
@pytest.mark.parametrize("kind", ["full", "one path"])
def test_a_browser_shows_it_without_overflow_or_complaint(kind, page, pages, tmp_path):
    text = page if kind == "full" else pages(one_path)
    widths = (390, 1280)
    frames = "".join(
        f'<iframe width="{w}" height="900" style="border:0" srcdoc="{html.escape(text)}"></iframe>' for w in widths
    )
    (tmp_path / "probe.html").write_text(PROBE.format(frames=frames), encoding="utf-8")
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --hide-scrollbars --enable-logging=stderr --window-size=1400,1000"
    )
    command = [str(CHROMIUM), *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run(
        [*command, (tmp_path / "probe.html").as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    measured = re.search(r'<pre id="probe">([^<]*)</pre>', done.stdout)
    assert measured is not None
    for width, line in zip(widths, measured[1].split(";"), strict=True):
        client, scroll, wide, *_ = line.split()
        assert int(client) == width
        assert int(scroll) <= width, line
        assert int(wide) == 0, line
    assert ":CONSOLE" not in done.stderr, done.stderr


@pytest.mark.skipif(
    CHROMIUM is None or shutil.which("pdftotext") is None, reason="needs Chromium and pdftotext on PATH"
)
def test_page_one_fills_one_printed_page_and_pages_are_numbered(full, tmp_path):
    given = dataclasses.replace(full, studies=studies())
    report.write(given, tmp_path / "report.html")
    flags = (
        "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --no-pdf-header-footer"
    )
    command = [str(CHROMIUM), *flags.split(), f"--user-data-dir={tmp_path / 'profile'}"]
    pdf = tmp_path / "report.pdf"
    source = (tmp_path / "report.html").as_uri()
    subprocess.run([*command, f"--print-to-pdf={pdf}", source], capture_output=True, timeout=120, check=True)
    printed = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True).stdout
    pages = printed.split("\f")[:-1]
    assert "Author" in pages[0]
    assert "What the answer depends on" in pages[1]
    for i, text in enumerate(pages, 1):
        assert re.search(rf"\b{i} ?/ ?{len(pages)}\b", text), i
