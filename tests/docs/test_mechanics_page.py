"""The keys that the page of venue mechanics lists are those that are read, with their defaults."""

import re
import tomllib
from pathlib import Path

import pytest

from stress.book.population import PopulationSpec
from stress.scenario.circumstances import EventsTable, FundingTable, LayerTable
from stress.scenario.tables import FundTable, RunTable
from stress.venue.mechanics import MECHANICS

pytestmark = pytest.mark.nojit

PAGE = (Path(__file__).parents[2] / "docs" / "mechanics-model.md").read_text(encoding="utf-8")
KEYS = PAGE.partition("## 17. Keys")[2]


def words(default):
    return "none" if default is None else ", ".join(default) if isinstance(default, tuple) else f"{default:g}"


def test_the_table_has_each_rule_with_its_words_and_default():
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in re.findall(r"^\| `.*$", KEYS, re.MULTILINE)]
    assert [row[0].strip("`") for row in rows] == [rule.name for rule in MECHANICS]
    for rule, (_, values, default, needs) in zip(MECHANICS, rows, strict=True):
        assert default == (rule.default if isinstance(rule.default, str) else words(rule.default)), rule.name
        assert all(word in values for word in rule.words), rule.name
        assert rule.required == ("required" in values), rule.name
        is_alone = rule.within is None and not rule.needs
        assert is_alone == (not needs) or rule.name == "fund_in", rule.name


def test_the_tables_have_keys_that_are_read_and_values_that_are_valid():
    (block,) = re.findall(r"```toml\n(.*?)```", KEYS, re.DOTALL)
    shown = tomllib.loads(block)
    assert RunTable(**shown["run"]).days == 30
    assert FundTable(**shown["fund"]).between_days() == {"income_per_day": 2e4, "fund_cap": 6e6, "sweep": 0.5}
    assert set(shown["layers"]["vault"]) == set(LayerTable.model_fields)
    assert LayerTable(**shown["layers"]["vault"]).capital == 2e6
    assert FundingTable(**shown["funding"]).build().rate == ((0.0, 1e-4), (57_600.0, 3e-4))
    assert set(shown["events"]) == set(EventsTable.model_fields)
    assert EventsTable(**shown["events"]).build().outages == ((7_200.0, 7_800.0),)
    assert PopulationSpec.load("retail", accounts=1_000, open_interest=1e6, **shown["population"]).stop_share == 0.3
