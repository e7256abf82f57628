"""Rules of part II, layers, funding and events in a scenario: tables, keys, hashes, errors."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import stress
from stress import serialize
from stress.errors import InputError
from stress.formatting import short_duration, usd
from stress.scenario.keys import text_of, with_keys
from stress.scenario.scenario import Scenario
from tests.support.command import caller
from tests.support.tiny import TINY

ON = """
[layers.vault]
capital = "5M"
floor = "1k"

[layers.fund]
cap = 5e4

[funding]
interval = "8h"
rate = "0.01 %"

[events]
outages = [["30min", "1h"]]
bad_ticks = [[60, 0.5]]
"""
RULES = """
market = "BTCUSDT"
carrier = "vault"
unload_half_life = "10min"
waterfall = ["vault", "fund", "adl", "socialise"]
closeout = "fraction"
fraction = "20 %"
cooldown = "30s"
"""
FULL = TINY.replace('market = "BTCUSDT"\n', RULES) + ON


def parse(text: str) -> Scenario:
    return Scenario.parse(tomllib.loads(text), "tiny", Path())


def test_what_is_off_leaves_no_trace():
    plain = parse(TINY)
    off = parse(TINY.replace("[venue]\n", '[venue]\ncloseout = "whole"\nthroughput = "none"\n') + "\n[events]\n")
    assert off.hash == plain.hash
    assert not {"layers", "funding", "events"} & set(off.resolved())
    assert parse('layers = "none"\nfunding = "none"\nevents = "none"\n' + TINY).hash == plain.hash


def test_a_resolved_scenario_is_the_same_scenario():
    full = parse(FULL)
    again = Scenario.parse(tomllib.loads(serialize.to_toml(full.resolved())), "tiny", Path())
    assert again.resolved() == full.resolved()
    assert again.hash == full.hash != parse(TINY).hash
    design = full.build().design
    assert design.cash_layers == {
        "vault": stress.Layer(5e6, 1e3), "fund": stress.Layer(1e5, 0.0, 5e4)
    }  # fmt: skip
    assert design.funding == stress.Funding(28_800.0, 1e-4)
    assert design.events == stress.Events([[1800, 3600]], (), [[60, 0.5]])
    assert design.venue.mechanics == {
        "closeout": "fraction", "fraction": 0.2, "cooldown": 30.0, "carrier": "vault", "unload_half_life": 600.0,
        "waterfall": ("vault", "fund", "adl", "socialise"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("layers.vault.capital", 2e6, "2M"),
        ("funding.rate", 2e-4, "0.02 %"),
        ("venue.fraction", 0.5, "50 %"),
        ("venue.cooldown", 0.0, "0s"),
        ("events.outages", [[0.0, 60.0]], '[[0, "1min"]]'),
        ("venue.waterfall", ["vault", "adl", "fund"], '["vault", "adl", "fund"]'),
    ],
)
def test_keys_are_set_by_value_and_by_text(key, value, text):
    full = parse(FULL)
    changed = with_keys(full, {key: value})
    assert changed.hash == with_keys(full, {key: text}).hash != full.hash


def test_numbers_are_shown_with_their_unit():
    assert text_of("layers.vault.capital", 2e6) == text_of("venue.partial_above", 2e6) == usd(2e6)
    assert text_of("venue.cooldown", 30.0) == short_duration(30.0)
    assert text_of("funding.interval", 28_800.0) == short_duration(28_800.0)


def test_a_deadline_takes_the_place_of_the_other():
    called = TINY.replace("[venue]\n", '[venue]\nliquidation = "margin_call"\ntop_up = 0.5\ncall_time = "16h"\n')
    assert with_keys(parse(called), {"venue.call_deadline": "1h"}).venue_object.call_time is None


def test_a_changed_rule_takes_what_belongs_to_it_along(tmp_path):
    """Of a preset or a venue file; of the scenario itself see test_rules_turned_off.py."""
    file = tmp_path / "own.toml"
    file.write_text(
        '[venue]\nname = "own"\n[rules]\ncloseout = "fraction"\nfraction = 0.2\ncooldown = "30s"\n'
        "[markets.BTCUSDT]\ndeduction = 'flat'\ntiers = [[0, inf, 20, 0.01]]\n"
    )
    text = TINY.replace('rules = "simple"\n', "").replace('preset = "binance"', f"file = '{file}'")
    assert parse(text).venue_object.mechanics == {"closeout": "fraction", "fraction": 0.2, "cooldown": 30.0}
    assert parse(text.replace("[venue]\n", '[venue]\ncloseout = "whole"\n')).venue_object.mechanics == {}


def test_everything_that_is_wrong_is_said_at_once(tmp_path, capsys):
    wrong = FULL.replace('capital = "5M"', 'capital = "much"').replace('interval = "8h"', 'interval = "8x"')
    wrong = wrong.replace("[60, 0.5]", "[60, -1]").replace('"1h"', '"20min"').replace('fraction = "20 %"\n', "")
    file = tmp_path / "tiny.toml"
    file.write_text(wrong + "[layers.hause]\n")
    code, _, printed = caller(capsys)("run", file, "--out", tmp_path / "run")
    assert code == 2
    for key in ("venue.fraction", "layers.vault.capital", "layers.hause", "funding.interval", "events.outages"):
        assert key in printed
    assert "events.bad_ticks" in printed


def test_what_does_not_fit_the_run_is_said_by_its_key():
    text = FULL.replace('interval = "8h"', 'interval = "90s"').replace("[layers.vault]", "[layers.house]")
    with pytest.raises(InputError) as caught:
        parse(text).build()
    assert [p.column for p in caught.value.problems] == ["layers.house", "layers.vault", "funding.interval"]


def test_an_unknown_key_of_a_layer_is_told_the_keys_of_a_layer():
    with pytest.raises(InputError, match=r"layers\.vault\.capitol: .*capital"):
        parse(FULL.replace('capital = "5M"', 'capital = "5M"\ncapitol = 3'))


def test_what_a_run_of_days_refuses_is_named_by_its_key():
    days = FULL.replace('horizon = "', 'days = 2\nrenew = "daily"\n#')
    with pytest.raises(InputError) as caught:
        parse(days).build()
    assert {"venue.carrier", "venue.waterfall"} <= {p.column for p in caught.value.problems}
