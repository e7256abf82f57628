"""Exceedance curves: counts by hand, losses in their order, events from the logs of paths."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import stress
from stress.results import loss_curves, summaries, worst_losses
from stress.results.estimate import clopper_pearson
from tests.support.drops import drops
from tests.support.mechanics import everything
from tests.support.results import one_path, one_side, quiet, sample


def test_the_horizon_and_its_largest_event_by_hand():
    """To 85 a loses 5; on to 70 its other long loses 2 * 10 and b 4 * 10. At once all of it is one event."""
    result = drops([[85.0, 70.0], [70.0, 70.0], [100.0, 100.0], [100.0, 100.0]])
    table = loss_curves.loss_curves(result, np.array([0.0, 5.0, 60.0, 64.0, 65.0, 79.0, 80.0]))
    gross = table[table["loss"] == "gross"]
    horizon, event = (gross[gross["curve"] == name]["probability"].tolist() for name in ("horizon", "event"))
    assert horizon == [0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.0]  # 65 and 80
    assert event == [0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.0]  # 60 and 80
    assert gross["high"].tolist()[6] == clopper_pearson(0, 4)[1]
    assert (table.loc[table["loss"] != "gross", "probability"] == 0).all()  # the fund has no limit


def test_each_layer_leaves_less():
    result = one_side()  # losses that the fund cannot pay are left unpaid
    found = loss_curves.losses(result)
    assert list(found) == ["gross", "after_cash", "after_adl"]
    assert (found["gross"] >= found["after_cash"]).all()
    assert (found["after_cash"] >= found["after_adl"]).all()
    assert found["after_adl"].sum() > 0
    assert found["after_adl"] == pytest.approx(result.paths["residual"].to_numpy())
    table = loss_curves.loss_curves(result)
    wide = table.pivot_table(index="amount", columns=["curve", "loss"], values="probability")
    assert (wide["horizon"]["gross"] >= wide["horizon"]["after_cash"]).all()
    for loss in loss_curves.LOSSES:
        assert (wide["event"][loss] <= wide["horizon"][loss]).all()
    assert ((table["low"] <= table["probability"]) & (table["probability"] <= table["high"])).all()


def test_events_are_those_of_the_log():
    result = sample()
    found = worst_losses.worst_losses(result)
    unpaid = summaries.losses(result)[["adl", "residual"]].sum(axis=1)
    for path in found.table.index[:8]:
        log = result.replay_path(int(path))
        row = found.table.loc[path]
        lost = log[(log["event"] == "liquidation") & (log["money"] < 0)].groupby("step")["money"].sum()
        assert row["event"] == pytest.approx(-lost.min())
        short = -log.loc[log["event"] == "shortfall"].groupby("step")["money"].sum()
        assert short.sum() == pytest.approx(unpaid[path], abs=1e-6)  # what ADL and nobody carried
        assert row["event_after_cash"] == pytest.approx(short.max() if len(short) else 0.0)
    assert (found.table["event_after_cash"] > 0).any()


def test_events_are_told_from_where_they_are_known(monkeypatch):
    whole = loss_curves.loss_curves(sample()).set_index(["curve", "loss", "amount"])
    monkeypatch.setattr(worst_losses, "MOST", 12)
    few = loss_curves.loss_curves(replace(sample())).set_index(["curve", "loss", "amount"])
    unseen = worst_losses.worst_losses(replace(sample())).unseen
    assert unseen > 0
    amounts = few.loc["event"].index.get_level_values("amount")
    assert amounts.min() >= unseen
    assert few.equals(whole.loc[few.index])
    assert len(few.loc["event"]) < len(whole.loc["event"])


def test_weights_count_paths_as_often_as_they_say():
    result = drops([[70.0], [85.0], [100.0], [100.0]])
    weighted = replace(result, paths=result.paths.assign(weight=[0.5, 1.5, 1.0, 1.0]))
    table = loss_curves.loss_curves(weighted, np.array([0.0, 5.0]))
    gross = table[(table["loss"] == "gross") & (table["curve"] == "horizon")]
    assert gross["probability"].tolist() == pytest.approx([0.5, 0.125])


def test_layers_apart_have_curves_of_events_in_all_alone():
    result = everything()
    table = loss_curves.loss_curves(result)
    assert set(table.loc[table["curve"] == "event", "loss"]) <= {"gross"}
    assert {"gross", "after_cash"} <= set(table["loss"])


def test_a_run_without_losses_has_the_bound_alone():
    table = loss_curves.loss_curves(quiet())
    assert table["amount"].unique().tolist() == [0.0]
    assert (table["probability"] == 0).all()
    assert (table["high"] > 0).all()
    with pytest.raises(stress.InputError, match="two paths or more"):
        loss_curves.loss_curves(one_path())


@pytest.mark.nojit
def test_round_amounts():
    assert loss_curves.round_amounts(7e6, 1) == [1e6, 2e6, 5e6]
    assert loss_curves.round_amounts(2e6, 1) == [2e5, 5e5, 1e6]
    assert loss_curves.round_amounts(0.0) == loss_curves.round_amounts(math.inf) == []
