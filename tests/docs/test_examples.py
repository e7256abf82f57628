"""The scenarios of examples/ on venue mechanics run, and show what their comments say to look at."""

import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import stress
from stress.bench.market import work
from stress.kernels.rules.records import POLICIES
from stress.scenario.keys import with_keys

FOLDER = Path(__file__).parents[2] / "examples"
SMALL = {
    "thin_coin": ("run.paths=12", "population.accounts=400"),
    "vault": ("population.accounts=2000",),
    "stops": ("run.paths=12", "population.accounts=800"),
    "margin_call": ("run.paths=12", "population.accounts=400"),
    "bad_tick": ("run.paths=6", "population.accounts=400"),
    "inverse": ("run.paths=12", "population.accounts=400"),
}


def run(name, *changes):
    """Paths of an example with few paths and accounts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scenario = stress.load_scenario(FOLDER / f"{name}.toml", [*SMALL[name], *changes])
        design = scenario.build().design
        return work(replace(design, detail="paths")).paths


run = cache(run)


@pytest.mark.nojit
@pytest.mark.parametrize("name", SMALL)
def test_an_example_says_how_to_run_it(name):
    path = FOLDER / f"{name}.toml"
    assert f" examples/{name}.toml" in path.read_text()
    assert stress.load_scenario(path).name == name


@pytest.mark.nojit
def test_every_scenario_is_tested():
    elsewhere = {"quickstart", "listing", "real_crash", "compare_adl"}
    assert {path.stem for path in FOLDER.glob("*.toml")} == elsewhere | set(SMALL)


def test_a_thin_coin_has_positions_that_wait():
    assert (run("thin_coin")["waiting_peak"] > 0).any()
    slow, fast = (run("thin_coin", f"venue.throughput={x}")["waiting_peak"].mean() for x in ("0.02", "2"))
    assert slow > fast


def test_a_vault_loses_more_where_it_holds_longer():
    path = run("vault").iloc[0]
    assert path["takeover_count"] > 0
    assert path["carrier_low"] < 5e6
    slow, fast = (run("vault", f"venue.unload_half_life={x}")["carrier_low"].iloc[0] for x in ("1h", "10s"))
    assert slow < fast


def test_stops_come_before_liquidations():
    shares = (run("stops", f"population.stop_share={x}") for x in (0, 0.9))
    without, many = (paths["liquidated_count"].sum() for paths in shares)
    assert many < without
    assert run("stops")["stop_count"].sum() > 0
    assert run("stops")["take_profit_count"].sum() > 0


def test_margin_calls_are_fewer_closings_and_larger_losses():
    called = run("margin_call")
    assert called["call_count"].sum() > called["call_closed_count"].sum() > 0
    paid = called[["drawn_house", "drawn_fund", "socialised", "residual"]].sum(axis=1)
    assert paid.to_numpy() == pytest.approx(called["deficit"].to_numpy())
    at_once = run("margin_call", "venue.liquidation=automatic", "venue.call_time=none", "venue.top_up=none")
    assert at_once["liquidated_count"].sum() > called["call_closed_count"].sum()


def test_a_bad_tick_liquidates_and_its_absence_does_not():
    wrong, right = run("bad_tick"), run("bad_tick", "events=none")
    assert (wrong["liquidated_count"] > right["liquidated_count"] + 20).all()


def test_an_inverse_contract_counts_in_coins():
    assert run("inverse")["net_loss_peak"].max() < 1e4


@pytest.mark.nojit
def test_every_way_of_sharing_a_loss_is_compared():
    scenario = stress.load_scenario(FOLDER / "compare_adl.toml")
    venues = [with_keys(scenario, keys).venue_object for keys in scenario.designs.cases.values()]
    assert {venue.policy for venue in venues} == set(POLICIES)
    assert len({(venue.policy, venue.score) for venue in venues}) == len(venues)
