"""Figures of the rules of part II: of hand-made columns they are what arithmetic says, and none where a rule is off."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import stress
from stress.errors import InputError
from stress.formatting import percent
from stress.results import column_words, mechanics, mechanics_words, replay, summaries
from tests.support.mechanics import HOUSE, VAULT, adl_first, everything, log_of_all, with_rules
from tests.support.results import sample


def value(result, quantity):
    found = mechanics.figures(result).set_index("quantity")
    return found.loc[quantity]


def test_a_run_without_the_rules_has_none_of_their_figures():
    assert mechanics.figures(sample()).empty
    assert mechanics.layers(sample()).empty
    assert not mechanics.is_on(sample())
    assert sample().layer == "fund"
    assert sample().capital == sample().fund
    assert sample().least == sample().reserve
    assert tuple(summaries.losses(sample())) == summaries.LOSS_PARTS


def test_every_group_is_there_and_every_estimate_has_an_error():
    found = mechanics.figures(everything())
    assert list(dict.fromkeys(found["group"])) == list(mechanics.GROUPS)
    known = found[found["note"] == ""]
    assert known[["se", "low", "high"]].notna().all(axis=None)
    assert (known["low"] <= known["estimate"] + 1e-9).all()
    assert (known["estimate"] <= known["high"] + 1e-9).all()


def test_layers_are_drawn_in_the_order_of_the_waterfall():
    result = everything()
    table = mechanics.layers(result).set_index("layer")
    assert list(table.index) == ["vault", "fund", "house"]
    assert list(table["capital"]) == [VAULT, result.fund, HOUSE]
    drawn = result.paths["drawn_house"]
    assert table.loc["house", "p_hit"] == (drawn > 0).mean()
    assert table.loc["house", "mean"] == pytest.approx(drawn.mean())
    assert table.loc["house", "se"] == pytest.approx(drawn.std() / math.sqrt(len(drawn)))
    assert table.loc["house", "mean_given_hit"] == pytest.approx(drawn[drawn > 0].mean())


def test_worth_of_the_carrier_and_haircut_are_quantiles_of_paths():
    result = everything()
    low = value(result, f"worth below which the vault falls on {percent(0.1)} of paths")
    assert low["estimate"] == pytest.approx(np.sort(result.paths["carrier_low"])[40])
    cut = result.paths["haircut"]
    assert value(result, "mean haircut where there is one")["estimate"] == pytest.approx(cut[cut > 0].mean())
    assert value(result, f"haircut passed on {percent(0.01)} of paths")["estimate"] == np.sort(cut)[-5]


def test_what_was_never_seen_is_said():
    none = with_rules(sample(), paths={"haircut": 0.0, "socialised": 0.0})
    rows = {row["quantity"]: mechanics_words.cells(row) for row in mechanics.figures(none).to_dict("records")}
    assert rows["P(a loss is socialised)"][1] == "none seen"
    assert rows["P(a loss is socialised)"][3].startswith("below")
    assert rows["mean haircut where there is one"][1] == "none seen"


@pytest.mark.parametrize("carrier", ["vault", "market"])
def test_the_parts_of_a_loss_add_up(carrier):
    table = summaries.losses(everything(carrier))
    assert ("inventory" in table) == (carrier == "vault")
    whole, parts = table["deficit"], table.drop(columns="deficit").sum(axis=1)
    np.testing.assert_allclose(whole, parts, atol=1e-6)
    order = [name for name in table if name in ("vault", "fund", "adl", "house", "socialised", "residual")]
    assert order == ["vault", "fund", "adl", "house", "socialised", "residual"]


def test_the_curve_is_refused_with_the_reason():
    result = adl_first()
    for ask in (lambda: result.required_fund(0.01), result.depletion_curve):
        with pytest.raises(InputError, match="winners are closed before the fund pays"):
            ask()
    assert not everything().curve_refused
    assert "no layer" in with_rules(sample(), waterfall=["adl", "socialise"]).curve_refused
    assert "capped" in with_rules(sample(), layers={"fund": {"cap": 1e5}}).curve_refused


def test_designs_are_compared_by_what_one_of_them_has():
    plain = stress.compare({"a": sample(), "b": sample(fund=1e5)})
    assert not plain["quantity"].str.contains("vault|partial").any()
    rows = stress.compare({"a": sample(), "b": everything()}).set_index("quantity")
    drawn = everything().paths["drawn_house"]
    assert rows.loc["mean drawn from the house", "difference"] == pytest.approx(drawn.mean())
    assert rows.loc["P(the house is drawn on)", "only_design"] == (drawn > 0).sum()
    assert not rows.index.str.startswith("fund for").any()  # a vault is sized in one, a fund in the other
    refused = stress.compare({"a": sample(), "b": adl_first()})
    assert not refused["quantity"].str.startswith("fund for").any()


def test_a_column_has_one_name_in_figures_and_comparisons():
    compared = stress.compare({"a": everything(), "b": with_rules(everything(), paths={"residual": 0.0})})
    shown = mechanics.figures(everything())
    for column, words in column_words.WORDS.items():
        if column in everything().paths:
            mean, unit = column_words.mean_of(column), mechanics.unit_of(everything(), words.unit)
            assert list(compared.loc[compared["quantity"] == mean, "unit"]) == [unit]
            assert shown["quantity"].str.startswith((mean, mean.replace(words.amount, f"{words.amount},"))).any(), mean
        if column in everything().paths and words.event and column != "drawn_fund":
            assert column_words.chance_of(column) in set(compared["quantity"])
    stops = shown.set_index("quantity").loc["mean quantity closed by stops"].to_dict() | {"quantity": "stops"}
    assert stops["unit"] == "coins"
    assert mechanics_words.cells(stops)[1].endswith("coins")
    inverse = with_rules(everything(), contract="inverse")
    assert "contracts" in set(mechanics.figures(inverse)["unit"])


def test_a_spread_of_nothing_is_no_error_and_one_path_has_none():
    row = {"quantity": "P(a stop is met)", "estimate": 1.0, "se": 0.0, "low": 0.99, "high": 1.0, "unit": "probability"}
    assert mechanics_words.cells(row)[2] == "–"
    once = {"quantity": "drawn", "estimate": 0.0, "se": math.nan, "low": math.nan, "high": math.nan, "unit": "USD"}
    assert mechanics_words.cells(once)[1] == "none"
    assert mechanics_words.cells(once | {"se": 0.0})[1] == "none seen"


def test_a_log_names_every_kind_of_event():
    design = sample().design
    log = np.zeros(len(replay.EVENTS), replay.LOG)
    log["kind"] = np.arange(len(replay.EVENTS))
    log["place"] = -1
    log["quantity"][replay.EVENTS.index("layer")] = 1
    log["place"][replay.EVENTS.index("cut")] = 3
    table = replay.log_frame(log, design.ladder, design.book, design.step, ["vault", "house"]).set_index("event")
    assert tuple(table.index) == replay.EVENTS
    assert table.loc["layer", "account"] == "house"
    assert table.loc["layer", "side"] == "long"
    assert table.loc["funding", "side"] == ""
    assert table.loc["cut", "position"] == design.ladder.number[3]
    assert table.loc["sale", "side"] == "long"
    assert table.loc["sale", "account"] == ""


def test_figures_are_plain_values_with_a_reason_for_each_gap():
    from stress.runs.record import mechanics_rows

    rows = mechanics_rows(everything())
    assert all(row["estimate"] is not None for row in rows)
    for row in rows:
        for key in ("se", "low", "high"):
            assert row[key] is not None or row[f"{key}_reason"]
    assert mechanics_rows(sample()) == []
    assert isinstance(pd.DataFrame(rows), pd.DataFrame)


def test_one_path_has_amounts_and_no_chances():
    whole = everything()
    found = mechanics.figures(replace(whole, paths=whole.paths.iloc[:1], config=whole.config | {"paths": 1}))
    assert "lowest worth of the vault" in set(found["quantity"])
    assert not found["quantity"].str.contains(r"P\(|mean|of paths| where ").any()


def test_a_contract_of_an_inverse_market_is_a_dollar_in_the_story_of_a_path(monkeypatch):
    whole = sample()
    log = log_of_all()
    monkeypatch.setattr(stress.Result, "replay_path", lambda self, path: log)
    linear = summaries.path_story(whole, 0)
    monkeypatch.setattr(type(whole.design), "is_inverse", True)
    inverse = summaries.path_story(whole, 0)
    for name in ("sold_long_usd", "ordered_long_usd", "ordered_short_usd"):
        assert linear[name].sum() == 60_000.0 * inverse[name].sum()
    assert inverse["ordered_long_usd"].sum() + inverse["ordered_short_usd"].sum() == 2.0
