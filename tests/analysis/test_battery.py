"""Harder markets: the laws that a factor scales, and the numbers of a scenario that is written out by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import stress
from stress.analysis.battery import BATTERY, Severity, harder_bars, harder_prices, stress_battery
from stress.analysis.study import DEPLETED, REQUIRED_FUND
from stress.scenario.calibrated import BuiltPrices
from tests.support.bars import bars_of
from tests.support.tiny import TINY, write_replay

DOUBLE = Severity("double", volatility=2.0, jumps=3.0)
TAILS = {
    "sizes_up": [0.01, 0.02], "sizes_down": [0.01, 0.02], "tail_up": 0.1, "tail_down": 0.1, "xi_up": 0.2,
    "xi_down": 0.2, "beta_up": 0.01, "beta_down": 0.01, "cap_up": 0.3, "cap_down": 0.3,
}  # fmt: skip
KOU = {"intensity": 9.0, "p_up": 0.5, "eta_up": 30.0, "eta_down": 60.0}
HESTON = {"s0": 100.0, "sigma": 0.5, "kappa": 30.0, "vol_of_vol": 3.0, "rho": -0.4, "start": "today", "today": 0.7}


def harder(kind, **given):
    """The parameters of a model of the kind on a harder market; what was changed, and what not."""
    model = stress.prices.make(kind, **given)
    where = SimpleNamespace(price_model=BuiltPrices(model, {"model": kind} | given), where="x.toml")
    return harder_prices(where, DOUBLE)


def test_the_volatility_of_a_diffusion_is_multiplied():
    model, changed, kept = harder("gbm", s0=100.0, sigma=0.5)
    assert model.sigma == 1.0
    assert changed == ["volatility x 2 (sigma)"]
    assert kept == ["jumps: gbm has none"]


def test_sizes_of_jumps_are_multiplied_and_not_how_often_they_come():
    kou, _, kept = harder("kou", s0=100.0, sigma=0.5, **KOU)
    assert (kou.sigma, kou.intensity, kou.p_up, kou.eta_up, kou.eta_down) == (1.0, 9.0, 0.5, 10.0, 20.0)
    assert kept == []
    merton, *_ = harder("merton", s0=100.0, sigma=0.5, intensity=9.0, jump_mean=-0.01, jump_sd=0.02)
    assert (merton.jump_mean, merton.jump_sd, merton.intensity) == (pytest.approx(-0.03), pytest.approx(0.06), 9.0)


@pytest.mark.parametrize("kind", ["tail-jumps", "hawkes-jumps", "regimes"])
def test_a_law_of_sizes_is_scaled_as_a_whole(kind):
    own = {
        "tail-jumps": {"sigma": 0.5, "intensity_up": 9.0, "intensity_down": 9.0},
        "hawkes-jumps": {"sigma": 0.5, "intensity_up": 9.0, "intensity_down": 9.0, "branching": 0.5, "memory": 60.0},
        "regimes": {
            "sigmas": [0.2, 0.9], "intensities_up": [0.0, 9.0], "intensities_down": [0.0, 9.0],
            "switching": [[0.0, 5.0], [5.0, 0.0]], "today": [0.5, 0.5],
        },
    }[kind]  # fmt: skip
    given = {"s0": 100.0} | own | TAILS
    before, (after, changed, _) = stress.prices.make(kind, **given), harder(kind, **given)
    sigma = "sigmas" if kind == "regimes" else "sigma"
    np.testing.assert_allclose(getattr(after, sigma), 2.0 * np.asarray(given[sigma]))
    for name in ("sizes_up", "beta_down", "cap_up"):
        np.testing.assert_allclose(getattr(after, name), 3.0 * np.asarray(given[name]))
    for name in ("xi_up", "tail_down"):
        assert getattr(after, name) == getattr(before, name)
    for name in own.keys() - {sigma}:
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert [text.partition(" (")[0] for text in changed] == ["volatility x 2", "jumps x 3"]


def test_a_random_variance_is_scaled_with_its_law():
    before, (after, _, kept) = stress.prices.make("heston", **HESTON), harder("heston", **HESTON)
    p = np.array([0.01, 0.5, 0.99])
    np.testing.assert_allclose(after.stationary_quantile(p), 4.0 * before.stationary_quantile(p), rtol=1e-12)
    assert after.today == 2.0 * before.today
    assert kept == ["jumps: heston has none"]


def test_bars_are_scaled_in_log_price():
    bars = bars_of(300)
    found = harder_bars(bars, 2.0)
    for name in ("open", "high", "low", "close"):
        old, new = (np.log(getattr(b, name) / bars.open[0]) for b in (bars, found))
        np.testing.assert_allclose(new, 2.0 * old, atol=1e-12)
    assert found.sha256 == ""
    assert "x 2" in found.source
    model, changed, kept = harder("bootstrap", bars=bars, s0=100.0, mean_block=5.0, tail=0.1, cap=0.2)
    np.testing.assert_allclose(model.largest["down"], 2.0 * stress.prices.Bootstrap(bars).largest["down"])
    assert changed == ["every log move of the bars x 2"]
    assert kept == ["jumps: bars hold none of their own"]


def test_parameters_that_a_model_refuses_are_named():
    with pytest.raises(stress.InputError) as error:
        harder("kou", s0=100.0, sigma=0.5, **KOU | {"eta_up": 2.0})
    assert "x.toml, double" in str(error.value)
    assert error.value.problems[0].column == "eta_up"


def test_severe_is_the_scenario_that_is_written_out(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY.replace("accounts = 200", "accounts = 400"))
    found = stress_battery(path).assign(alpha=lambda table: table["alpha"].fillna(0.0))
    found = found.set_index(["scenario", "quantity", "alpha"])
    assert list(dict.fromkeys(found.index.get_level_values(0))) == [s.name for s in BATTERY]
    written = ["prices.sigma=2.0", "prices.eta_up=20.0", f"prices.eta_down={20 / 1.5!r}", "depth.usd=5e6"]
    base, severe = (stress.run(path, changes).result for changes in ((), [*written, "population.long_share=0.8"]))
    for name, result in (("baseline", base), ("severe", severe)):
        assert found.loc[(name, DEPLETED, 0.0), "estimate"] == result.depletion_probability().value
        for alpha in (0.2, 0.01):
            fund = result.required_fund(alpha).value
            assert found.loc[(name, REQUIRED_FUND, alpha), "estimate"] == pytest.approx(fund, rel=1e-9)
    row = found.loc[("severe", DEPLETED, 0.0)]
    apart = severe.paths["depleted"].mean() - base.paths["depleted"].mean()
    assert apart > 0
    assert row["difference"] == pytest.approx(apart)
    assert row["difference_low"] <= apart <= row["difference_high"]
    for part in ("volatility x 2 (sigma)", "jumps x 1.5 (eta_up, eta_down)", "depth x 0.25", "accounts long, not"):
        assert part in row["changed"]
    assert row["not_changed"] == ""
    bound = found.loc[("severe", REQUIRED_FUND, 0.01)]
    assert bound["note"]
    assert np.isnan(bound["difference"])  # between two bounds there is none
    assert found["difference"].xs("baseline").isna().all()


def test_a_crowd_that_cannot_be_drawn_is_said(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    found = stress_battery(path, battery=(Severity("crowded", longs=0.8), Severity("as is", longs=0.5)))
    by_name = found.groupby("scenario", sort=False)["not_changed"].first().str.replace("\u00a0", " ")
    assert by_name["crowded"].startswith("longs: a cap above 4.65116e+06 USD, since 43 accounts are short")
    assert by_name["as is"] == "longs: 65 % of the accounts are long already"


def test_what_does_not_apply_is_said(tmp_path):
    folder = tmp_path
    replay = write_replay(folder)
    with pytest.raises(stress.InputError, match="replay is one path"):
        stress_battery(replay)
    given = replay.read_text().replace('model = "replay"\nbars = "bars.csv"', 'model = "gbm"\ns0 = 7300.0\nsigma = 1.0')
    replay.write_text(given)
    found = stress_battery(replay, paths=20)
    kept = found.loc[found["scenario"] == "severe", "not_changed"].iloc[0]
    for text in ("jumps: gbm has none", "no [depth]", "longs: the book is given"):
        assert text in kept
