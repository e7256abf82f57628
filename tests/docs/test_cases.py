"""docs/cases.md is what its script makes, and its figures are those of arithmetic by hand."""

import re
import sys
from pathlib import Path

import pytest

from tests.support.scripts import load_script

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script():
    return load_script(ROOT / "docs" / "make_cases.py")


def test_the_page_is_made_by_its_script(script):
    assert script.render() == PAGE


@pytest.mark.nojit
def test_the_readme_shows_a_table_of_the_page():
    (shown,) = re.findall(
        r"<!-- mechanics -->\n(.*?)\n<!-- /mechanics -->", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
    )
    assert f"\n\n{shown}\n\n" in PAGE


@pytest.mark.nojit
def test_each_figure_names_a_source_of_its_case(script):
    for case in script.CASES:
        named = {name for figure in case.published for name in figure.sources}
        assert named == set(case.sources), case.title
        assert case.assumed
        assert case.fails


def test_margins_and_losses_of_the_lifted_cap_by_hand(script):
    cap = sys.modules["docs.cases.lifted_cap"]
    each = cap.SHORTS / len(cap.LEVERAGES)
    jump = cap.lifted(cap.OWN, up=10.0, gap=1.0).paths.iloc[0]
    by_hand = sum(max(0.0, each * (cap.TOP / cap.CAP - 1 - 1 / leverage)) for leverage in cap.LEVERAGES)
    assert jump["deficit"] == pytest.approx(by_hand, rel=1e-9)
    assert f"| {sum(each / leverage for leverage in cap.LEVERAGES) / 1e6:.2f} M |" in PAGE
    share = cap.PAID / cap.SHORTS
    assert share == pytest.approx(0.52, abs=0.005)
    assert cap.lifted(cap.MARKS[0]).paths["liquidated_count"].iloc[0] == 0


def test_a_vault_that_sells_nothing_loses_the_way_from_the_bankruptcy_price(script):
    vault = sys.modules["docs.cases.vault"]
    bankruptcy = vault.JELLY_ENTRY * (1 + 1 / vault.JELLY_LEVERAGE)
    by_hand = vault.JELLY_USD / vault.JELLY_ENTRY * (vault.JELLY_REFUND - bankruptcy)
    assert vault.jelly(vault.JELLY_REFUND).paths["inventory_loss"].iloc[0] == pytest.approx(by_hand, rel=1e-4)
    by_hand = vault.POPCAT_USD * (1 - vault.POPCAT_LAST / vault.POPCAT_WALL) - vault.POPCAT_MARGIN
    assert vault.popcat(5.0, vault.NEVER).paths["inventory_loss"].iloc[0] == pytest.approx(by_hand, rel=1e-4)
