"""The figures that the comments of examples/ quote are those of the scenarios as they are."""

import warnings
from functools import cache
from pathlib import Path

import pytest

import stress
from stress.bench.market import work

FOLDER = Path(__file__).parents[2] / "examples"
LINEAR = ("venue.market=XBTUSDT", "fund.initial=600k")
AUTOMATIC = ("venue.liquidation=automatic", "venue.call_time=none", "venue.top_up=none")


def words(name):
    """The comments of an example, in one line."""
    lines = (FOLDER / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    return " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))


@cache
def run(name, *changes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        design = stress.load_scenario(FOLDER / f"{name}.toml", changes).build().design
        return work(design)


def mean(name, column, *changes):
    return run(name, *changes).paths[column].mean()


def share(name, column, *changes):
    return (run(name, *changes).paths[column] > 0).mean()


def fund(name, alpha, *changes):
    return run(name, *changes).required_fund(alpha).value


def test_thin_coin():
    text = words("thin_coin")
    slow, fast = "venue.throughput=0.05", "venue.throughput=none"
    deficits = [share("thin_coin", "deficit", change) for change in (fast, slow)]
    assert "on {:.0%} of the paths without a limit and on {:.0%} at".format(*deficits).replace("%", " %") in text
    large, small = (fund("thin_coin", 0.01, change) for change in (fast, slow))
    assert f"falls from {large / 1e6:.1f} M to {small / 1e3:.0f},000 USD" in text
    assert share("thin_coin", "waiting_peak") == pytest.approx(0.5, abs=0.01)
    quiet, outage = (run("thin_coin", *changes).required_fund(0.01) for changes in (("events=none",), ()))
    assert outage.low < quiet.value < outage.high


def test_stops():
    text = words("stops")
    for depth in ("3M", "10M"):
        without, many = (mean("stops", "deficit", f"population.stop_share={x}", f"depth.usd={depth}") for x in (0, 0.6))
        assert 0.5 <= many / without < 0.6
    found = [mean("stops", "liquidated_count", f"population.stop_share={x}") for x in (0, 0.6)]
    assert "{:.0f} a path without, {:.0f} with".format(*found) in text
    thin = [(f"population.stop_share={x}", "depth.usd=1M") for x in (0, 0.6)]
    depleted = [run("stops", *changes).paths["depleted"].mean() for changes in thin]
    assert "from {:.0%} to {:.0%}".format(*depleted).replace("%", " %") in text
    assert [round(fund("stops", 0.05, *changes), -4) for changes in thin] == [0, 250_000]
    assert "from nothing to 250,000 USD" in text
    assert share("stops", "deficit", *thin[1]) == 1.0


def test_bad_tick():
    text = words("bad_tick")
    found = [round(mean("bad_tick", "liquidated_count", *changes), -2) for changes in ((), ("events=none",))]
    assert found == [1_600, 100]
    assert round(mean("bad_tick", "liquidated_count", "events=none"), -1) == 60
    assert "some 1,600 of 10,000 accounts in place of 60" in text
    assert mean("bad_tick", "inflow") > 100 * mean("bad_tick", "inflow", "events=none")
    assert share("bad_tick", "deficit", "depth.usd=5M") == 1.0
    clamped = mean("bad_tick", "liquidated_count", "venue.mark=clamp", "venue.mark_clamp=0.0005")
    assert clamped == pytest.approx(mean("bad_tick", "liquidated_count"), rel=0.01)


def test_inverse():
    text = words("inverse")
    coins, usd, in_coin = (fund("inverse", 0.01, *c) for c in ((), LINEAR, (*LINEAR, "venue.fund_in=coin")))
    assert f"some {coins:.1f} coins, {round(coins * 60_000, -4):,.0f} USD at the start" in text
    assert f"against {round(usd, -3):,.0f} USD; {round(in_coin, -3):,.0f} where" in text
    counts = []
    for changes in ((), LINEAR):
        positions = run("inverse", *changes).positions
        by_side = positions.groupby("side", observed=True)["liquidation_rate"].sum()
        counts += [round(by_side["long"]), round(by_side["short"])]
    assert "{} and {} a day, against {} and {}".format(*counts) in text


def test_margin_call():
    text = words("margin_call")
    assert "nine paths of ten with calls and on one of six without" in text
    assert share("margin_call", "deficit") == pytest.approx(0.9, abs=0.02)
    assert share("margin_call", "deficit", *AUTOMATIC) == pytest.approx(1 / 6, abs=0.02)
    assert 2 < mean("margin_call", "deficit") / mean("margin_call", "deficit", *AUTOMATIC) < 3
    worst = [run("margin_call", *changes).paths["deficit"].quantile(0.99) for changes in ((), AUTOMATIC)]
    assert 0.8 < worst[1] / worst[0] < 1.2
    closed = mean("margin_call", "call_closed_count") / mean("margin_call", "liquidated_count", *AUTOMATIC)
    assert closed == pytest.approx(0.25, abs=0.02)
    calls, losses = (
        mean("margin_call", column, "population.mix=institutional") / mean("margin_call", column)
        for column in ("call_count", "deficit")
    )
    assert calls < 0.5
    assert losses == pytest.approx(2 / 3, abs=0.03)


def test_vault():
    text = words("vault")
    path = run("vault").paths.iloc[0]
    assert (
        f"down {(5e6 - path['carrier_low']) / 1e6:.1f} M USD; it ends {-path['inventory_loss'] / 1e6:.1f} M up" in text
    )
    assert run("vault", "layers.vault.capital=2M").paths["adl_count"].iloc[0] > 0
