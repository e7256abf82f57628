"""Crashes, jumps and funds under rules of part II: whose capital it is, and what no one move can tell."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pandas as pd
import pytest

import stress
from stress.analysis.reverse_episodes import reverse_episodes
from stress.analysis.reverse_stress import reverse_shock
from stress.analysis.stress_scenarios import OPEN_CALLS, worst_in_words
from stress.errors import InputError
from stress.runs import studies
from stress.scenario.scenario import Scenario
from tests.support.command import caller
from tests.support.tiny import TINY

NAME = "2022-05-11-doge"
CAPPED = "[layers.fund]\ncap = 5e4\n"
CALLS = 'liquidation = "margin_call"\ntop_up = 0.5\ncall_deadline = "1h"\n'
VAULT = 'waterfall = ["vault", "adl"]\n'


def scenario(rules: str = "", more: str = "", fund: float = 1e5) -> Scenario:
    text = TINY.replace("[venue]\n", "[venue]\n" + rules).replace("initial = 1e5", f"initial = {fund}") + more
    return Scenario.parse(tomllib.loads(text), "tiny", Path())


class TestWhoseCapital:
    """Of a venue whose vault stands first, in the run's fund or in [layers.vault], it is the vault's."""

    plain = scenario()
    in_fund = scenario(VAULT)
    in_layer = scenario(VAULT, "[layers.vault]\ncapital = 1e5\n", fund=0.0)

    @pytest.mark.parametrize("vault", [in_fund, in_layer])
    def test_crashes(self, vault):
        kept = stress.stress_scenarios(self.plain, episodes=[NAME], gaps=[1.0])
        found = stress.stress_scenarios(vault, episodes=[NAME], gaps=[1.0])
        assert (found.attrs["layer"], found.attrs["fund"]) == ("vault", 1e5)
        assert found["depleted"].all()
        columns = ["fund_needed", "fund_drawn", "depleted"]
        pd.testing.assert_frame_equal(found[columns], kept[columns])
        assert "the vault needs" in worst_in_words(found)
        enough = stress.stress_scenarios(vault, episodes=[NAME], gaps=[1.0], fund=found["fund_needed"].iloc[0] + 1)
        assert not enough["depleted"].any()

    @pytest.mark.parametrize("vault", [in_fund, in_layer])
    def test_reverse_stress(self, vault):
        kept, found = stress.reverse_table(self.plain, paths=2), stress.reverse_table(vault, paths=2)
        assert (found.attrs["layer"], found.attrs["fund"]) == ("vault", 1e5)
        pd.testing.assert_series_equal(found["price"], kept["price"])
        pd.testing.assert_frame_equal(reverse_episodes(vault), reverse_episodes(self.plain))

    def test_what_a_vault_keeps_is_the_least(self):
        vault = scenario(VAULT, "[layers.vault]\ncapital = 1e5\nfloor = 5e4\n", fund=0.0)
        for study in (stress.stress_scenarios, stress.reverse_table, reverse_episodes):
            with pytest.raises(InputError, match="at least the floor of the vault 50000"):
                study(vault, fund=1e4)


def test_crashes_are_refused_where_one_run_does_not_give_the_fund():
    for study in (stress.stress_scenarios, stress.reverse_table, reverse_episodes):
        with pytest.raises(InputError, match="what the fund pays on a path is capped"):
            study(scenario(more=CAPPED))


def test_margin_calls_that_are_open_at_the_end_of_a_crash_are_said():
    found = stress.stress_scenarios(scenario(CALLS), episodes=[NAME], gaps=[1.0])
    assert found["note"].tolist() == [OPEN_CALLS]


@pytest.mark.parametrize(
    ("rules", "why"),
    [(CALLS, "closed at their deadline"), ('mark = "ema"\nmark_half_life = "1min"\n', "the mark follows the price")],
)
def test_a_jump_that_does_not_tell_what_is_lost_is_refused(rules, why):
    with pytest.raises(InputError, match=why):
        stress.reverse_table(scenario(rules))
    design = scenario(rules).build().design
    with pytest.raises(InputError, match=why):
        reverse_shock(design.book, design.venue, design.s0, fund=1e5)


def test_nobody_waits_while_the_price_stays_where_it_jumped():
    free, slow = scenario(), scenario('throughput = 0.02\ncloseout = "fraction"\nfraction = 0.9\ncooldown = "1h"\n',
                                      "[events]\noutages = [[0, 60]]\n")  # fmt: skip
    at_once = scenario('closeout = "fraction"\nfraction = 0.9\n')
    found, kept = stress.reverse_table(slow, paths=2), stress.reverse_table(at_once, paths=2)
    pd.testing.assert_series_equal(found["price"], kept["price"])
    assert (found["liquidated"] > 1).all()  # in a step of a minute the limit lets one position through
    note = found["note"].iloc[0]
    assert "the limit of positions a second is left out" in note
    assert "so is the rest after a cut" in note
    assert "outages" in note
    assert "left out" not in stress.reverse_table(free, paths=2)["note"].iloc[0]


def test_what_a_carrier_has_yet_to_sell_is_said():
    carrier = scenario('carrier = "fund"\nunload_half_life = "10min"\n')
    assert "at the mark, not at what it will sell for" in stress.reverse_table(carrier, paths=2)["note"].iloc[0]


def test_a_study_that_is_refused_leaves_the_others(tmp_path, capsys):
    path = tmp_path / "calls.toml"
    path.write_text(TINY.replace("[venue]\n", "[venue]\n" + CALLS))
    call = caller(capsys)
    code, _, err = call("run", path, "--studies", "--out", tmp_path / "run", "--paths", 4)
    assert code == 0
    assert "left out, called positions are closed at their deadline" in err
    assert "left out, nobody is auto-deleveraged on these paths" in err
    assert set(stress.open_run(tmp_path / "run").studies) == set(studies.ASKED_FOR) - {"reverse", "advice"}
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "Not told: called positions are closed at their deadline" in page
    code, out, _ = call("scenarios", path, "--episode", NAME, "--gap", 1)
    assert code == 0
    assert f"{NAME}: {OPEN_CALLS}." in out


class TestWhereOneRunGivesNoFund:
    capped = scenario(more=CAPPED)

    def test_a_sweep_has_what_does_not_ask_for_it(self, tmp_path, capsys):
        found = stress.sweep(self.capped, {"layers.fund.cap": ["5e4", "inf"]}, [0.2], paths=20)
        rows = found.set_index(["layers.fund.cap", "quantity"])["estimate"]
        funds = found[found["quantity"] == "required fund"]
        assert funds["estimate"].isna().tolist() == [True, False]
        assert funds["difference"].isna().all()
        assert "capped" in funds["note"].iloc[0]
        depleted = rows.xs("P(fund depleted, ADL triggered)", level="quantity")
        assert depleted.iloc[0] > depleted.iloc[1]
        path = tmp_path / "capped.toml"
        path.write_text(TINY + CAPPED)
        call = caller(capsys)
        code, out, _ = call(
            "sweep", path, "fund.initial=1e5,2e5", "--paths", 8, "--alpha", 0.2, "--picture", tmp_path / "p.png"
        )
        assert code == 0
        assert "Required fund" not in out
        assert "P(fund depleted" in out
        assert "what the fund pays on a path is capped" in out
        code, out, _ = call("sweep", path, "layers.fund.cap=1e5,inf", "--paths", 8, "--alpha", 0.2)
        assert code == 0
        assert "at least nan" not in out
        assert "Required fund" in out

    def test_the_battery_too(self):
        found = stress.stress_battery(self.capped, paths=8)
        assert found[found["quantity"] == "required fund"]["estimate"].isna().all()
        assert found[found["quantity"] != "required fund"]["difference"].notna().any()

    def test_what_asks_for_it_is_refused_before_the_work(self, monkeypatch):
        monkeypatch.setattr("stress.analysis.cases.run", None)
        with pytest.raises(InputError, match="tornado: expected a fund whose need follows from one run"):
            stress.tornado(self.capped)
