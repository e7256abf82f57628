"""Designs on the same paths: laws between rules, the frontier, and what command and report say of them."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("agg")

import numpy as np
import pandas as pd
import pytest

import stress
from stress import plots
from stress.errors import InputError
from stress.results import design_words
from tests.support.command import caller
from tests.support.tiny import TINY

CHANGES = ["run.paths=60", "prices.sigma=2.0", "fund.initial=1e5"]
DESIGNS = {
    "queue": {"score": "profit"},
    "pro_rata": {"policy": "pro_rata"},
    "truncation": {"policy": "top_truncation"},
    "large": {"initial": 5e7},
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "tiny.toml"
    tables = "".join(
        f"\n[designs.{name}]\n" + "".join(f"{k} = {v!r}\n".replace("'", '"') for k, v in keys.items())
        for name, keys in DESIGNS.items()
    )
    path.write_text(TINY + tables)
    return path


@pytest.fixture(scope="module")
def found(file):
    return stress.adl_designs(stress.load_scenario(file, CHANGES))


def of(table, quantity, space=None):
    rows = table[(table["quantity"] == quantity) & ((table["space"] == space) if space else True)]
    return rows.set_index("design")


def test_what_begins_where_the_fund_ends_leaves_the_fund_alone(found):
    table = found.table()
    p = of(table, "P(somebody is auto-deleveraged)")
    assert 0 < p.loc["queue", "estimate"] < 1
    assert (p.loc[["queue", "pro_rata", "truncation"], "difference"] == 0).all()
    assert p.loc["large", "difference_high"] < 0
    fund = of(table, f"required fund for {found.alphas[0]:g}")["estimate"]
    assert fund.nunique() == 1


def test_pro_rata_closes_the_smallest_worst_part_of_contracts_and_hits_everybody(found):
    table = found.table()
    worst = of(table, "worst haircut", "contracts")
    assert worst.loc["pro_rata", "estimate"] < worst.loc[["queue", "truncation"], "estimate"].min()
    assert worst.loc["pro_rata", "difference_high"] < 0
    rate = of(table, "hit rate")
    assert rate.loc["pro_rata", "estimate"] == 1.0
    assert rate.loc["queue", ["difference", "difference_low", "difference_high"]].eq(0).all()
    mean = of(table, "mean haircut", "contracts")["estimate"]
    assert mean["pro_rata"] < mean["queue"]


def test_no_share_is_0_without_its_upper_bound(file):
    rising = stress.adl_designs(stress.load_scenario(file, [*CHANGES, "run.paths=20"]), {"queue": {"score": "profit"}})
    costs = rising.costs["queue"]
    costs.hits["regret_share"] = -1.0  # nobody was done a favour
    row = of(rising.table(), "hits that were a favour").loc["queue"]
    assert (row["estimate"], row["low"]) == (0.0, 0.0)
    assert 0.0 < row["high"] <= 1.0
    assert design_words.cell(row.to_dict()).startswith("below")


def test_figures_of_a_design_are_those_of_its_own_costs(found):
    table, costs = found.table(), found.costs["queue"]
    own = costs.summary().set_index(["quantity", "space"])
    for ours, theirs in ((("mean haircut", "equity"), ("haircut, mean", "equity")),
                         (("regret", "USD"), ("regret, mean", "USD"))):  # fmt: skip
        row = of(table, *ours).loc["queue"]
        assert row["estimate"] == pytest.approx(own.loc[theirs, "estimate"], rel=1e-12)
        assert row["se"] == pytest.approx(own.loc[theirs, "se"], rel=1e-12)


def test_the_frontier_at_the_fund_that_is_there_is_the_run(found):
    table = found.table()
    frontier = found.frontier([1e5, 5e7])
    at = frontier[frontier["space"] == "profit"].set_index(["design", "fund"])
    for name in ("queue", "pro_rata"):
        assert at.loc[(name, 1e5), "p_adl"] == of(table, "P(somebody is auto-deleveraged)").loc[name, "estimate"]
        assert at.loc[(name, 1e5), "worst"] == pytest.approx(of(table, "worst haircut", "profit").loc[name, "estimate"])
    more = at.loc[("queue", 5e7)]
    assert more["p_adl"] == of(table, "P(somebody is auto-deleveraged)").loc["large", "estimate"]
    large = found.costs["large"].fills
    assert more["largest"] == pytest.approx(large["haircut_profit"].max() if len(large) else np.nan, nan_ok=True)
    ax = plots.plot_adl_frontier(frontier, "profit")
    assert "pro_rata" in [t.get_text() for t in ax.get_legend().get_texts()]
    with pytest.raises(InputError, match="a fund of 0 or more"):
        found.frontier([-1.0])


def test_drivers_move_one_key_at_a_time(file):
    scenario = stress.load_scenario(file, CHANGES)
    table = stress.adl_drivers(scenario, {"fund.initial": [1e5, "50M"], "population.long_share": [0.5, 0.6]})
    p = table[table["quantity"] == "P(ADL)"].set_index(["key", "value"])
    assert p.loc[("fund.initial", "USD\u00a050\u00a0M"), "difference_high"] < 0
    assert p["difference"].iloc[0] == 0
    shares = table[(table["quantity"] == "share of hits") & (table["key"] == "population.long_share")]
    assert shares.groupby(["value", "by"])["estimate"].sum().to_numpy() == pytest.approx(1.0)
    assert set(shares["class"]) >= {"longs", "shorts"}
    ax = plots.plot_adl_driver(table, "population.long_share", "hit rate")
    assert len(ax.get_lines()) == table[table["quantity"] == "hit rate"]["class"].nunique()
    with pytest.raises(InputError, match="lists of values"):
        stress.adl_drivers(scenario, {"fund.initial": 3})


def test_what_is_no_design_is_refused(file):
    with pytest.raises(InputError, match=r"designs\.x\.policy"):
        stress.adl_designs(file, {"x": {"policy": "nobody"}})
    with pytest.raises(InputError, match="a table for each design"):
        stress.adl_designs(stress.load_scenario(file, ["designs=none"]))


def test_the_command_prints_it_and_the_report_of_a_run_shows_it(file, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = caller(capsys)
    sets = [x for change in CHANGES for x in ("--set", change)]
    code, out, err = command("designs", str(file), *sets, "--out", "t.csv", "--picture", "f.png", "--frontier", "f.csv")
    assert code == 0, err
    assert "Whom it hits" in out
    assert "pro_rata" in out
    assert set(pd.read_csv("t.csv")["design"]) == set(DESIGNS)
    assert (tmp_path / "f.png").stat().st_size > 0
    record = stress.run(stress.load_scenario(file, [*CHANGES, "run.paths=40"]), directory="run", report=True)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Designs of ADL on the same paths" in page
    again = stress.open_run("run").studies["designs"]
    assert len(again) == len(record.studies["designs"])
