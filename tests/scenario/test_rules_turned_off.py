"""Parameters of a rule that a scenario turns off: left out and said, so that close-outs can be compared."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import stress
from stress.errors import InputError
from stress.runs.resume import describe_scenario, read_scenario
from stress.scenario.keys import with_keys
from stress.scenario.scenario import Scenario
from tests.support.command import caller
from tests.support.tiny import TINY

FRACTION = 'closeout = "fraction"\nfraction = "20 %"\ncooldown = "30s"\n'
CUT = TINY.replace("[venue]\n", "[venue]\n" + FRACTION)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "cut.toml"
    path.write_text(CUT)
    return path


def parse(rules: str) -> Scenario:
    return Scenario.parse(tomllib.loads(TINY.replace("[venue]\n", "[venue]\n" + rules)), "tiny", Path())


def said(scenario: Scenario) -> list[str]:
    return [str(x).replace("\u00a0", " ") for x in scenario.left_out]


def test_a_closeout_takes_what_the_file_says_of_another_along(file):
    whole = stress.load_scenario(file, ["venue.closeout=whole"])
    assert whole.hash == parse("").hash
    assert said(whole) == [
        "cut.toml: 2 keys of [venue] left out (fraction = 20 %, cooldown = 30 seconds): closeout = whole has no use "
        "for them"
    ]
    assert whole.build().adjustments[0] == whole.left_out[0]
    assert stress.load_scenario(file).left_out == ()


@pytest.mark.parametrize(
    ("rules", "left_out"),
    [
        ('drawdown = "none"\ndrawdown_window = "8h"\n', "1 key of [venue] left out (drawdown_window = 8 hours)"),
        ('carrier = "market"\nunload_half_life = "10min"\ntakeover_below = 0.5\n', "takeover_below = 0.5"),
        ('liquidation = "automatic"\ntop_up = 0.5\ncall_time = "16h"\n', "liquidation = automatic has no use for them"),
        ('mark = "book"\nmark_half_life = "1min"\n', "mark_half_life = 1 minute"),
        ('waterfall = ["fund", "adl"]\nsocialise = "everybody"\n', "left out (socialise = everybody)"),
    ],
)
def test_so_does_every_rule_with_parameters(rules, left_out):
    found = parse(rules)
    assert found.hash == parse("").hash
    assert len(said(found)) == 1
    assert left_out in said(found)[0]


@pytest.mark.parametrize("rules", ["fraction = 0.2\n", 'unload_half_life = "10min"\n', 'drawdown_window = "8h"\n'])
def test_a_parameter_whose_rule_nobody_names_is_an_error(rules):
    with pytest.raises(InputError, match=r"without|where drawdown"):
        parse(rules)


def test_it_is_not_lost_on_the_way_to_the_other_closeout_and_back(file):
    start = stress.load_scenario(file)
    whole = with_keys(start, {"venue.closeout": "whole"})
    assert with_keys(whole, {"venue.closeout": "fraction"}).hash == start.hash
    again = Scenario.parse(whole.resolved(), "again", file.parent)
    assert again.hash == whole.hash


def test_a_run_that_is_resumed_says_it_too(file, tmp_path):
    whole = stress.load_scenario(file, ["venue.closeout=whole"])
    assert read_scenario(describe_scenario(whole, tmp_path), tmp_path).left_out == whole.left_out


def test_a_sweep_over_closeouts_says_which_keys_each_leaves_out(file):
    found = stress.sweep(file, {"venue.closeout": ["fraction", "whole", "tiers"]}, paths=4)
    assert found["venue.closeout"].unique().tolist() == ["fraction", "whole", "tiers"]
    assert [text.rpartition(": ")[2] for text in found.attrs["held"]] == [
        "closeout = whole has no use for them", "closeout = tiers has no use for them",
    ]  # fmt: skip
    deficits = found[found["quantity"] == "mean deficit"]["estimate"]
    assert deficits.nunique() > 1


def test_commands_print_it(file, capsys):
    call = caller(capsys)
    changed = ("--set", "venue.closeout=whole", "--paths", 2)
    for command in (("size", file), ("compare", file, _other(file))):
        code, out, _ = call(*command, *changed)
        assert code == 0
        assert "2 keys of [venue] left out (fraction = 20 %, cooldown = 30 seconds)" in out


def _other(file):
    other = file.with_name("other.toml")
    other.write_text(file.read_text().replace("passthrough = 0.5", "passthrough = 0.0"))
    return other
