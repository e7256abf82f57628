"""The report of a run with rules of part II of the model."""

import dataclasses
import re

from stress import report
from stress.analysis.fund_grid import fund_grid
from tests.support.mechanics import adl_first, everything
from tests.support.records import record
from tests.support.results import sample


def test_the_rules_of_part_ii_have_a_section_where_they_are_on(no_pictures):
    text = report.render(record(everything()))
    assert 'id="mechanics"' in text
    assert "Vault of" in text
    assert "Loss on inventory" in text
    assert "loss of the inventory" not in text.lower()
    for words in ("P(the house is drawn on)", "Mean haircut where there is one", "Mean partial liquidations"):
        assert words in text
    assert "Inventory apart, the vault pays on" in text  # on page one


def test_a_fund_that_one_run_does_not_give_is_shown_as_a_grid(no_pictures):
    refused = dataclasses.replace(record(adl_first()), grid=fund_grid(sample(), [0.0, 3e5, 2e6]))
    text = report.render(refused)
    assert "One run does not say how large the fund must be: winners are closed before the fund pays" in text
    assert "The same run with other capital of the fund" in text
    assert "(present)" in text
    assert "Fund needed" not in text
    assert not re.search(r"\bnan\b", text)


def test_a_carrier_that_gains_is_said_to_and_its_path_is_shown(no_pictures):
    whole = everything()
    peak = whole.paths["net_loss_peak"]
    i = int(peak.idxmax())
    calm = {
        "deficit": 0.0,
        "residual": 0.0,
        "socialised": 0.0,
        "inventory_loss": -2e4,
        "carrier_low": 1e5,
        "adl_usd": 0.0,
    }
    calm |= {name: 0.0 for name in whole.paths if name.startswith("drawn_")}
    gained = dataclasses.replace(whole, paths=whole.paths.assign(**calm))
    assert not report.worst_paths(gained).empty
    assert report.worst_paths(gained)["path"].iloc[0] == i
    text = report.render(record(gained)).replace("\u00a0", " ")
    assert "On the positions that it takes over, the vault gains USD 20 k" in text
    assert "it is worth USD 100 k at the lowest" in text or 'id="figure-path"' not in text


def test_rates_of_rules_stand_beside_those_of_liquidation(no_pictures):
    rates = {f"{name}_rate": 0.25 for name in ("partial", "stop")}
    whole = everything()
    with_rates = dataclasses.replace(whole, positions=whole.positions.assign(**rates))
    text = report.render(record(with_rates))
    for by in ("leverage", "side", "size"):
        assert f"What the rules did to positions, by {by}" in text
    assert "<th>Cut</th><th>Closed at stop</th><th>ADL</th><th>Positions</th>" in text
    assert "Called</th>" not in text
    assert "these intervals are as wide as the counts allow" in text.replace("\n", " ")
    assert "What the rules did to positions" not in report.render(record(whole))
