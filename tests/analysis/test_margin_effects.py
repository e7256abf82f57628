"""Other margins: exactly one turn less, higher rates, and differences that are those of runs compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import stress
from stress.analysis import cases
from stress.analysis.margin_effects import higher_maintenance, margin_effects, one_turn_less
from stress.analysis.study import run_designs
from stress.cli import main
from tests.support.tiny import TINY


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def design(file):
    return replace(stress.load_scenario(file).build().design, detail="paths")


@pytest.fixture(scope="module")
def table(file):
    return margin_effects(file, (10.0, 1e6), (0.2,))


def test_few_paths_hold_the_cells_of_a_tail(file, monkeypatch):
    scenario = stress.load_scenario(file, ["run.tail=1e-4", "run.paths=5000"])
    assert cases.few_paths(scenario) == 2_000
    monkeypatch.setattr(cases, "FEW_PATHS", 100)
    few = cases.few_paths(scenario)
    assert 100 < few < 2_000
    assert cases.read(scenario, few, "margin_effects").build().design.n_paths == few
    with pytest.raises(stress.InputError, match="10 in each of its cells"):
        cases.read(scenario, few - 1, "margin_effects").build()


def test_a_turn_less_is_one_leverage_less_for_those_above(design):
    changed, mine = one_turn_less(design, 10.0)
    before, after = (x.book.effective_leverage(design.s0) for x in (design, changed))
    assert 0 < mine.sum() < mine.size
    assert (before[mine] >= 10).all()
    assert after[mine] == pytest.approx(before[mine] - 1.0, rel=1e-9)
    assert (after[~mine] == before[~mine]).all()
    assert (changed.book.margin[mine] > design.book.margin[mine]).all()


def test_an_inverse_contract_has_its_turn_in_coin():
    tier = stress.Tier(floor=0.0, cap=np.inf, max_leverage=50.0, maintenance_rate=0.01)
    venue = stress.Venue(name="x", tiers=(tier,), contract="inverse")
    book = stress.Book(["long", "short"], [1e4, 1e4], [100.0] * 2, [10.0, 10.0], contract="inverse")
    prices = stress.prices.GBM(s0=100.0, sigma=0.5)
    result = stress.simulate(book, venue, prices, fund=1.0, n_paths=2, horizon=120.0, seed=1)
    changed, mine = one_turn_less(result.design, 5.0)
    assert mine.tolist() == [True, True]
    assert changed.book.effective_leverage(100.0) == pytest.approx([9.0, 9.0])


def test_maintenance_is_higher_and_who_is_below_it_goes_at_once(design):
    changed, at_once = higher_maintenance(design, 1.1, 0.0)
    assert [t.maintenance_rate for t in changed.venue.tiers] == pytest.approx(
        [1.1 * t.maintenance_rate for t in design.venue.tiers]
    )
    more, below = higher_maintenance(design, 1.0, 0.01)
    rates = [t.maintenance_rate for t in design.venue.tiers]
    assert [t.maintenance_rate for t in more.venue.tiers] == pytest.approx([rate + 0.01 for rate in rates])
    assert all(t.max_leverage * t.maintenance_rate < 1 for t in more.venue.tiers)
    equity = design.book.equity(design.s0)
    assert below == (equity <= design.book.maintenance(more.venue, design.s0)).sum() >= at_once
    base, other = run_designs([design, more])
    assert (other.paths["liquidated_count"] >= below).all()
    assert other.paths["deficit"].mean() < base.paths["deficit"].mean()


def test_differences_are_those_of_compare(design, table):
    assert list(dict.fromkeys(table["change"])) == [
        "one turn less from 10x on", "maintenance x 1.1", "maintenance + 1 point",
    ]  # fmt: skip
    designs = [design, one_turn_less(design, 10.0)[0]]
    compared = stress.compare(dict(zip(("base", "turn"), run_designs(designs), strict=True)), (0.2,))
    compared = compared.set_index("quantity")
    mine = table[table["change"] == "one turn less from 10x on"].set_index("quantity")
    assert set(mine.index) == {
        "P(fund depleted, ADL triggered)", "P(somebody is auto-deleveraged)", "fund for alpha = 0.2",
    }  # fmt: skip
    for quantity, row in mine.iterrows():
        for name in ("base", "value", "difference", "low", "high"):
            assert row[name] == compared.loc[quantity, name], (quantity, name)
    assert (table["positions"] > 0).all()
    assert table.attrs["paths"] == 40


@pytest.mark.parametrize("leverages", [[1.5], ["x"], 5.0, [np.inf]])
def test_bad_leverages(file, leverages):
    with pytest.raises(stress.InputError, match="leverages of 2 or more"):
        margin_effects(file, leverages)


def test_days_are_refused(file):
    days = stress.load_scenario(file, ["run.days=2", "run.horizon=2d"])
    with pytest.raises(stress.InputError, match="a run of one book"):
        margin_effects(days)


def test_the_command_prints_and_writes_what_the_library_finds(file, table, tmp_path, capsys):
    out = tmp_path / "t.csv"
    words = ["margins", str(file), "--leverage", "10", "--leverage", "1e6", "--alpha", "0.2", "--out", str(out)]
    with pytest.raises(SystemExit) as end:
        main(words)
    assert not end.value.code
    text = capsys.readouterr().out.replace("\u00a0", " ")
    assert "Fund for 20 %: USD" in text
    assert "one turn less from 10x on: concerns" in text
    assert "positions liquidated at once" in text
    assert len(out.read_text().splitlines()) == len(table) + 1
