"""What the report shows of figures at two caps of the jump size."""

from __future__ import annotations

import dataclasses
import re

import pytest

import stress
from stress import report
from stress.analysis import caps
from tests.support.tiny import CAPPED


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "capped.toml"
    path.write_text(CAPPED)
    return stress.run(path)


def plain(page):
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page.replace("\u00a0", " ")))


def test_page_one_says_what_the_cap_decides(record, no_pictures):
    page = report.render(record)
    first = plain(page[: page.index('<section id="range"')])
    assert "The largest jump is an assumption The prices assume, in log price, a jump down of at most 0.12" in first
    assert re.search(r"the fund for 0.1 % \(USD [\d.]+ M to [\d.]+ M\) moves by more than its 95 % interval", first)
    assert "there. The fund for 2 % and the chance of depletion move by less than their error" in first


def test_the_table_stands_below(record, no_pictures):
    page = report.render(record)
    table = plain(page[page.index('<div id="caps">') : page.index('<div id="key-assumptions">')])
    assert "As assumed 1.5 times as large The cap" in table
    assert "Largest jump down, log price 0.12 (11.3 %) 0.18 (16.5 %)" in table
    assert re.search(
        r"Fund for 0.1 % USD [\d.]+ M [\d.]+ M to [\d.]+ M USD [\d.]+ M [\d.]+ M to [\d.]+ M decides", table
    )
    assert table.count("does not decide") == 2


def test_nothing_of_a_run_at_its_own_caps(record, no_pictures):
    page = report.render(dataclasses.replace(record, caps=None))
    assert caps.TITLE not in page
    assert 'id="caps"' not in page


def test_a_run_of_days_has_both(tmp_path, no_pictures):
    path = tmp_path / "capped.toml"
    path.write_text(CAPPED)
    page = plain(report.render(stress.run(path, ["run.days=2", "run.horizon=2d", "run.step=10min"])))
    assert "The largest jump is an assumption The prices assume" in page
    assert "The largest jump is an assumption As assumed 1.5 times as large" in page
