"""A waterfall without ADL: nothing that people see gives a figure of it, and one sentence says why."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import stress
from stress import plots, serialize, simulation
from stress.analysis.target import Target
from stress.cli import terminal
from stress.errors import InputError
from stress.results import comparison_words, mechanics, summaries
from stress.results.comparison_words import NOT_THERE
from stress.results.mechanics import DEPLETED, DEPLETED_ALONE, NO_ADL
from stress.runs import record as records
from stress.scenario.scenario import Scenario
from tests.support.results import sample
from tests.support.tiny import TINY

ROOT = Path(stress.__file__).parents[1]


def scenario(waterfall=("fund", "socialise")) -> Scenario:
    tables = tomllib.loads(TINY)
    tables["run"] |= {"paths": 20, "horizon": "30min"}
    tables["venue"] |= {"rules": "simple", "waterfall": list(waterfall)}
    tables["prices"] |= {"intensity": 90_000.0, "eta_down": 12.0}
    tables["fund"] |= {"initial": 1e3 if "fund" in waterfall else 0.0}
    return Scenario.parse(tables, "none", Path())


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("none") / "run"
    stress.save_run(simulation.run(scenario(), threads=1), folder, report=True)
    return folder, stress.open_run(folder)


@pytest.mark.parametrize(("order", "bears"), [(("adl",), "adl"), (("socialise",), "socialised")])
def test_without_any_cash_the_first_deficit_is_unpaid_and_no_fund_pays(order, bears):
    result = simulation.run(scenario(order), threads=1).result
    deficit = result.paths["deficit"] > 0
    assert deficit.sum() > 0
    assert (result.paths["depleted"] == deficit).all()
    parts = summaries.loss_parts(result)["mean"]
    assert "fund" not in parts
    assert parts[bears] > 0
    assert parts[bears] + parts["residual"] == pytest.approx(parts["deficit"])


def test_a_depletion_triggers_adl_only_where_it_follows_the_first_layer_of_cash():
    names = {
        order: mechanics.depletion({"venue": {"waterfall": order.split()}})
        for order in ("fund adl", "adl", "adl fund", "fund")
    }
    assert names == {"fund adl": DEPLETED, "adl": DEPLETED, "adl fund": DEPLETED_ALONE, "fund": DEPLETED_ALONE}


def test_a_design_without_a_fund_compares_with_one_that_has_it(record):
    table = stress.compare({"fund": record[1].result, "none": simulation.run(scenario(("adl",)), threads=1).result})
    drawn = table.set_index("quantity").loc["mean drawn from the fund"]
    assert drawn["base"] > 0
    assert drawn["value"] == 0


def speaks_of_adl(names) -> list[str]:
    return [name for name in names if re.search(r"adl|auto-delev", str(name), re.IGNORECASE)]


def test_no_table_has_a_rate_or_a_chance_of_it(record):
    folder, opened = record
    result = opened.result
    assert not result.has_adl
    assert sample().has_adl
    assert result.paths["depleted"].any()
    assert not result.paths[["adl_count", "adl_events", "adl_usd"]].any(axis=None)  # counts, which are 0
    for table in (result.positions, result.by_leverage(), result.by_side(), result.rates_by("size")):
        assert not speaks_of_adl(table)
    quantities = [*result.summary()["quantity"], *opened.gaps["quantity"]]
    assert not speaks_of_adl(quantities)
    assert DEPLETED_ALONE in quantities
    assert not speaks_of_adl(pd.read_csv(folder / "tables" / "by_leverage.csv"))
    summary = json.loads((folder / "summary.json").read_text())
    assert not speaks_of_adl(row["quantity"] for part in ("summary", "gaps") for row in summary[part])
    assert {DEPLETED} <= set(sample().summary()["quantity"])


def test_the_summary_keeps_to_its_schema(record):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with the notebooks extra")
    checker = jsonschema.Draft202012Validator(json.loads((ROOT / "docs" / "summary.schema.json").read_text()))
    checker.validate(json.loads(serialize.dumps(records.summary(record[1]))))


def test_the_terminal_says_it_once(record, capsys):
    terminal.print_run(record[1])
    out = capsys.readouterr().out
    assert out.count(NO_ADL) == 1
    assert not speaks_of_adl([out.replace(NO_ADL, "")])


def test_the_report_says_it_once(record):
    folder, opened = record
    page = (folder / "report.html").read_text()
    notes = opened.result.config["venue"]["notes"]
    body = page.partition('<section id="assumptions">')[0]  # where the venue's own notes stand
    assert body.count(NO_ADL) == 1
    text = re.sub(r"<svg.*?</svg>|<style.*?</style>|<[^>]*>", " ", body.replace(NO_ADL, ""), flags=re.DOTALL)
    assert not speaks_of_adl([text])
    assert "Winners hit" not in page
    assert 'id="figure-side"' not in page
    own = page.partition('<section id="assumptions">')[2]
    assert "only liquidation changes the book" in own
    assert own.count("ADL") <= sum(note.count("ADL") for note in notes)


def test_designs_are_compared_by_adl_only_where_one_has_it(record):
    none, own = record[1].result, simulation.run(scenario(("fund", "adl")), threads=1).result
    both = stress.compare({"a": none, "b": none})
    assert not speaks_of_adl(both["quantity"])
    rows = stress.compare({"a": own, "b": none}).set_index("quantity", drop=False)
    row = rows.loc["P(somebody is auto-deleveraged)"].to_dict()
    assert row["value_high"] == 0 < row["base_high"]
    assert comparison_words.side(row, "value") == NOT_THERE
    assert comparison_words.side(row, "base") != NOT_THERE
    assert comparison_words.side(rows.loc["mean raised or forgone by ADL"].to_dict(), "value") == NOT_THERE
    assert comparison_words.side(rows.loc["P(a loss is socialised)"].to_dict(), "base") == NOT_THERE
    assert comparison_words.side(rows.loc["mean deficit"].to_dict(), "value") != NOT_THERE


def test_grids_and_targets_leave_it_out(record):
    grid = stress.fund_grid(scenario(), [1e3, 1e5], threads=1)
    assert not speaks_of_adl(grid)
    assert {"depleted", "residual_high"} <= set(grid)
    ax = plots.plot_fund_grid(grid)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["depleted", "a loss unpaid"]
    plt.close(ax.figure)
    with pytest.raises(InputError, match="no ADL in this waterfall"):
        Target.read("p_adl <= 1 %").estimate(record[1].result)


def test_pictures_leave_it_out(record):
    result = record[1].result
    for plot in (plots.plot_adl_by_leverage, plots.plot_adl_by_size):
        ax = plot(result)
        assert "ADL" not in {text.get_text() for text in ax.get_legend().get_texts()}
        plt.close(ax.figure)
    ax = plots.plot_adl_by_side(result)
    assert f"{NO_ADL}." in {text.get_text() for text in ax.texts}
    plt.close(ax.figure)


def test_a_drawdown_begins_no_adl_where_there_is_none(record):
    from stress.report import prose
    from stress.results.summaries import adl_floor

    config = record[1].result.config
    config = config | {"venue": config["venue"] | {"drawdown": 0.3}}
    assert mechanics.has_adl(config) is False
    assert not adl_floor(config)
    assert prose.depletion_words(config) == "Fund depleted"
