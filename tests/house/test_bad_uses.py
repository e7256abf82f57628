"""Whatever a caller hands to a public name: one `InputError` that names the argument, and no other exception."""

from __future__ import annotations

import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import stress
from stress.analysis.study import Study
from stress.arguments import is_number, is_text, numbers
from stress.engine.prepare import prepare
from stress.errors import InputError, Problem, WorkerError
from tests.support.bad_uses import BARS, BOOK, CLOSE, FOREIGN, GBM, INF, NAN, REPLAY, TIERS, VENUE, bars, simulate
from tests.support.models import REGIMES, TAIL

pytestmark = pytest.mark.nojit

WRONG = [*FOREIGN, NAN, -INF, -1.0, 10**400, -(10**400)]
NONE = [None]
OBJECTS = ["binanse", Path("x.toml"), 1, NAN, [1], {}, object(), np.ones(3), pd.DataFrame({"a": [1]}), stress.Book, b""]
WORDS = [1, NAN, "x", "", b"error", ["error"], {}, object(), np.array(["a", "b"]), True]
UNKNOWN = [[None, 1.0], [pd.NA, 1.0]]  # which a leverage may be
ARRAYS = [
    "ab", object(), {}, {1.0, 2.0}, [[1.0], [1.0, 2.0]], [1, 10**400], ["1", "2"], [b"1", b"2"], [True, True],
    [1j, 2.0], np.array(["2020", "2021"], "M8[s]"), np.array([1, 2], "m8[s]"),
    np.ma.masked_array([1.0, 2.0], [0, 1]), np.zeros(2, [("a", "f8")]), (x for x in (1.0, 2.0)), *UNKNOWN,
]  # fmt: skip


@cache
def result(detail="positions"):
    return simulate(detail=detail)


@cache
def design():
    return prepare(BOOK, VENUE, GBM, fund=1.0, n_paths=3, horizon=600.0)


@cache
def spec():
    return stress.PopulationSpec.load("retail", accounts=200, open_interest=1e5)


def of(call, argument, values, **base):
    """A case: values of an argument, beside good ones."""
    return [pytest.param(call, base, argument, values, id=f"{getattr(call, '__name__', 'call')}-{argument}")]


def venue_with(**tier):
    good = {"floor": 0.0, "cap": INF, "max_leverage": 100.0, "maintenance_rate": 0.005, "deduction": 0.0}
    return stress.Venue(name="v", tiers=[stress.Tier(**{**good, **tier})])


def method(name):
    """A method of the result of a small run."""

    def call(**given):
        return getattr(result(), name)(**given)

    call.__name__ = name
    return call


def plot(name, **base):
    def call(**given):
        given = {"result": result(), **base, **given}
        try:
            return getattr(stress.plots, name)(given.pop("result"), **given)
        finally:
            plt.close("all")

    call.__name__ = name
    return call


KOU = {"s0": 100.0, "sigma": 0.5, "intensity": 300.0, "p_up": 0.5, "eta_up": 50.0, "eta_down": 50.0}
WICKS = {"wick_intensity_up": 9.0, "wick_from_up": 0.01, "wick_beta_up": 0.01, "wick_cap_up": 0.5, "wick_duration": 9.0}
HESTON = {"s0": 100.0, "sigma": 0.5, "kappa": 30.0, "vol_of_vol": 3.0, "rho": -0.4}
MERTON = {"s0": 100.0, "sigma": 0.5, "intensity": 300.0, "jump_mean": -0.01, "jump_sd": 0.02}
GARCH = {"s0": 100.0, "sigma": 0.5, "alpha": 0.1, "gamma": 0.0, "beta": 0.8, "nu": 5.0, "step": 60.0}
DEPTH = {"usd": 1e5, "width": 0.01, "exponent": 1.0, "half_life": 300.0, "passthrough": 1.0, "max_displacement": 0.9}
MIX = {"accounts": 200, "open_interest": 1e5, "leverage": {5.0: 1.0, 10.0: 2.0}, "size_sigma": 1.5}
POSITIONS = {"side": [1, -1], "quantity": [1.0, 1.0], "entry_price": [100.0, 100.0], "margin": [5.0, 5.0]}
ONE = {"side": 1.0, "quantity": 1.0, "entry_price": 100.0, "margin": 5.0}
REQUEST = {"seed": 0, "first_path": 0, "n_paths": 2, "n_steps": 2, "dt": 60.0}
SHOCK = {"book": BOOK, "venue": VENUE, "price": 100.0, "fund": 1.0}
SHARE = {"policy": "queue", "capacity": [1.0, 2.0], "key": [1.0, 2.0], "budget": 1.5}
PLOTS = [name for name in stress.plots.__all__ if name != "style"]

CASES = [
    *(
        case
        for name in ("accounts", "open_interest", "size_sigma")
        for case in of(stress.PopulationSpec, name, [*WRONG, None], **MIX)
    ),
    *(
        case
        for name in ("tail_from", "max_share", "correlation", "long_share", "holding_days", "volatility")
        for case in of(stress.PopulationSpec, name, [*FOREIGN, NAN, INF, -2.0], **MIX)
    ),
    *of(
        stress.PopulationSpec,
        "leverage",
        [*OBJECTS, {"x": 1.0}, {5.0: "one"}, {5.0: True}, {5.0: NAN}, {-1.0: 1.0}, {5.0: 0.0}],
        **MIX,
    ),
    *of(stress.PopulationSpec, "nonsense", [1], **MIX),
    *(case for name in ("book", "venue", "prices") for case in of(simulate, name, [None, *OBJECTS])),
    *of(simulate, "book", [VENUE]),
    *of(simulate, "venue", [BOOK]),
    *of(simulate, "prices", [VENUE, result]),
    *of(simulate, "depth", OBJECTS),
    *(case for name in ("fund", "jump_gap", "seed") for case in of(simulate, name, [*WRONG, None])),
    *(case for name in ("gap", "delay") for case in of(simulate, name, WRONG)),
    *of(simulate, "delay", [1.0], gap=0.0),
    *(case for name in ("n_paths", "horizon", "step", "threads") for case in of(simulate, name, [*WRONG, 0.0])),
    *of(simulate, "n_paths", [1.5, 1e308, INF]),
    *of(simulate, "horizon", [1e308]),
    *of(simulate, "step", [5e-324]),
    *of(simulate, "under_margin", [None, *WORDS]),
    *of(simulate, "detail", [None, *WORDS]),
    *of(simulate, "executor", OBJECTS),
    *of(simulate, "progress", [x for x in OBJECTS if not callable(x)]),
    *(case for name in KOU for case in of(stress.prices.Kou, name, [None, *WRONG], **KOU)),
    *(case for name in ("drift", "profile_start") for case in of(stress.prices.GBM, name, FOREIGN, s0=1.0, sigma=1.0)),
    *of(
        stress.prices.GBM, "profile", [*ARRAYS, [], [1.0, -1.0], [0, 0], np.ones((2, 2)), np.array(1.0)], s0=1, sigma=1
    ),
    *(case for name in ("jump_mean", "jump_sd") for case in of(stress.prices.Merton, name, FOREIGN, **MERTON)),
    *(case for name in WICKS for case in of(stress.prices.Merton, name, WRONG, **MERTON | WICKS)),
    *(case for name in HESTON for case in of(stress.prices.Heston, name, [None, *WRONG], **HESTON)),
    *(case for name in ("start", "today") for case in of(stress.prices.Heston, name, WRONG, **HESTON)),
    *(
        case
        for name in ("branching", "memory", "start", "today")
        for case in of(stress.prices.HawkesJumps, name, FOREIGN, **TAIL, branching=0.5, memory=60.0)
    ),
    *(case for name in REGIMES for case in of(stress.prices.Regimes, name, [None, *WRONG], **REGIMES)),
    *(case for name in ("today", "start") for case in of(stress.prices.Regimes, name, FOREIGN, **REGIMES)),
    *(
        case
        for name in GARCH
        for case in of(stress.prices.GjrGarch, name, [None, *(FOREIGN if name == "gamma" else WRONG)], **GARCH)
    ),
    *of(stress.prices.GjrGarch, "start", [*WORDS, 0.0], **GARCH),
    *of(stress.prices.GjrGarch, "today", WRONG, **GARCH),
    *of(stress.prices.Paths, "close", [None, *ARRAYS, [], np.ones((2, 2, 2)), [[1.0]], [[1.0, NAN]], [[0.0, 1.0]]]),
    *of(stress.prices.Paths, "low", ARRAYS, close=CLOSE, high=CLOSE + 2),
    *of(stress.prices.Paths, "low", [CLOSE - 2], close=CLOSE),
    *of(stress.prices.Paths, "pre_jump", [CLOSE], close=CLOSE),
    *of(stress.prices.Paths, "step", [None, *WRONG, 0.0], close=CLOSE),
    *(case for name in ("scale", "s0", "speed") for case in of(stress.prices.Replay, name, WRONG, bars=BARS)),
    *of(stress.prices.Replay, "bars", [None, *OBJECTS[2:]]),
    *of(stress.prices.Replay, "gaps", WORDS, bars=BARS),
    *(case for name in ("mean_block", "s0", "tail") for case in of(stress.prices.Bootstrap, name, WRONG, bars=BARS)),
    *of(stress.prices.Bootstrap, "cap", [1.0], bars=BARS),
    *(
        case
        for name in ("mean_block", "s0", "tail", "cap", "largest_multiple", "left_out", "near")
        for case in of(stress.prices.FilteredBootstrap, name, WRONG, bars=BARS)
    ),
    *of(stress.prices.FilteredBootstrap, "start", [*WORDS, 0.0], bars=BARS),
    *(
        case
        for name in ("weights", "half_lives")
        for case in of(stress.prices.FilteredBootstrap, name, [*ARRAYS, [], [-1.0], np.ones((2, 2))], bars=BARS)
    ),
    *of(stress.prices.Episode, "name", [None, *WORDS]),
    *(case for name in ("time", "close", "volume") for case in of(stress.prices.Bars, name, ARRAYS, **bars())),
    *of(stress.prices.Bars, "step", [None, *WRONG, 0.0], **bars()),
    *of(stress.prices.Bars, "gaps", [None, 1, "a"], **bars()),
    *of(stress.prices.make, "kind", WORDS),
    *of(stress.prices.parameters, "kind", WORDS),
    *(
        case
        for name in REQUEST
        for model in (GBM, REPLAY)
        for case in of(model.block, name, [None, *FOREIGN, -1, 10**400], **REQUEST)
    ),
    *(case for name in DEPTH for case in of(stress.Depth, name, [None, *WRONG], **DEPTH)),
    *(
        case
        for name in ("floor", "cap", "max_leverage", "maintenance_rate", "deduction")
        for case in of(venue_with, name, [None, *WRONG])
    ),
    *of(stress.Venue, "tiers", [None, *OBJECTS, [(0.0, INF, 100.0, 0.005)]], name="v"),
    *(
        case
        for name in ("fee_rate", "reserve")
        for case in of(stress.Venue, name, [None, *WRONG], name="v", tiers=TIERS)
    ),
    *of(stress.Venue, "drawdown", WRONG, name="v", tiers=TIERS),
    *of(stress.Venue, "drawdown_window", [60.0], name="v", tiers=TIERS),
    *(
        case
        for name in ("policy", "score", "tier_basis", "contract")
        for case in of(stress.Venue, name, WORDS, name="v", tiers=TIERS)
    ),
    *(
        case
        for name in ("name", "market", "title")
        for case in of(stress.Venue, name, [None, 1, b"a", "\ud800", "a\0"], **{"name": "v", "tiers": TIERS})
    ),
    *(
        case
        for name in ("notes", "figures")
        for case in of(stress.Venue, name, [None, 1, [1], "abc"], name="v", tiers=TIERS)
    ),
    *(case for name in ONE for case in of(VENUE.bankruptcy_price, name, [None, *ARRAYS, NAN, INF], **ONE)),
    *(
        case
        for name in ("quantity", "price")
        for case in of(VENUE.maintenance_margin, name, [None, *ARRAYS, -1.0, 0.0], quantity=1.0, price=1.0)
    ),
    *of(VENUE.initial_margin, "price", [None, *ARRAYS], quantity=1.0),
    *of(VENUE.max_leverage, "notional", [None, *ARRAYS, -1.0]),
    *of(VENUE.liquidation_price, "price", [None, *ARRAYS, NAN, -1.0], **ONE),
    *of(VENUE.liquidation_price, "side", [0.0, [1, 1, 1]], **{**ONE, "price": 1.0, "margin": [1.0, 1.0]}),
    *(case for name in ("loss", "fund") for case in of(VENUE.unpaid, name, [None, *ARRAYS, -1.0], loss=1.0, fund=1.0)),
    *(
        case
        for name in POSITIONS
        for case in of(stress.Book, name, [None, [], [1.0, NAN], [1.0, INF], [[1.0, 1.0]], [1.0] * 3], **POSITIONS)
    ),
    *(
        case
        for name in ("quantity", "entry_price", "margin", "leverage")
        for case in of(stress.Book, name, ARRAYS[: -len(UNKNOWN)] if name == "leverage" else ARRAYS, **POSITIONS)
    ),
    *of(stress.Book, "side", [["long", "x"], ["long", None], [2, -1], [True, False], [b"long", b"short"]], **POSITIONS),
    *of(
        stress.Book,
        "account",
        [["a"], [None, "a"], [NAN, "a"], [object(), "a"], [1.5, 2.5], [b"a", b"b"], [["a"], ["b", "c"]], [["a", "b"]]],
        **POSITIONS,
    ),
    *(
        case
        for name in ("market", "source")
        for case in of(stress.Book, name, [None, 1, b"a", "\ud800", "a\0"], **POSITIONS)
    ),
    *of(
        stress.Book,
        "file_row",
        [["1", "2"], [1.5, 2.5], [1, NAN], [1, 10**400], [1, 2, 3], np.array(["2020", "2021"], "M8[D]")],
        **POSITIONS,
    ),
    *of(BOOK.balanced, "imbalance", WORDS),
    *of(BOOK.take, "keep", [None, "a", [99], [-1], [True], [1.5], object(), [False] * 4]),
    *(
        case
        for call in (BOOK.equity, BOOK.effective_leverage, BOOK.open_interest)
        for case in of(call, "price", [None, *WRONG])
    ),
    *of(BOOK.check_margin, "venue", [None, *OBJECTS], price=100.0),
    *of(BOOK.check_margin, "price", [None, *WRONG], venue=VENUE),
    *of(BOOK.check_margin, "under_margin", WORDS, venue=VENUE, price=100.0),
    *of(BOOK.check_limits, "venue", [None, *OBJECTS]),
    *(case for name in ("policy", "budget") for case in of(stress.allocate, name, [None, *WRONG], **SHARE)),
    *(
        case
        for name in ("capacity", "key")
        for case in of(stress.allocate, name, [*ARRAYS, [1.0], [1.0, NAN]], **SHARE)
    ),
    *of(method("required_fund"), "alpha", [None, *WRONG, 0.0, 1.0, 5e-324]),
    *of(method("depletion_curve"), "funds", [*ARRAYS, -1.0, NAN]),
    *of(method("by_leverage"), "bins", [*ARRAYS, 5.0, [7.0]]),
    *of(method("by_leverage"), "side", WORDS),
    *of(method("rates_by"), "by", [None, *WORDS]),
    *of(method("by_side"), "by", [None, *WORDS]),
    *of(method("by_side"), "bins", [[5.0]], by="size"),
    *of(method("replay_path"), "path", [None, *WRONG, 3, 0.5]),
    *of(stress.compare, "designs", [None, *OBJECTS, {"a": 1, "b": 2}]),
    *of(Study, "designs", [None, *OBJECTS, {"a": 1}]),
    *of(stress.run, "scenario", [None, *OBJECTS[2:], BOOK]),
    *of(stress.run, "report", [None, "no", 2], scenario="x.toml"),
    *of(stress.run, "overrides", [None, "seed=1", 1], scenario="x.toml"),
    *(
        case
        for name in ("run", "directory")
        for case in of(stress.save_run, name, [None, *OBJECTS[2:]], **{"run": 1, "directory": "x"})
    ),
    *of(stress.open_run, "directory", [None, *OBJECTS[2:], "a\0"]),
    *of(stress.load_venue, "name_or_path", [None, *OBJECTS[2:], "a\0"]),
    *of(stress.load_venue, "market", [1, b"a", ["BTCUSDT"], "x"], name_or_path="binance"),
    *of(stress.load_scenario, "path", [None, *OBJECTS[2:], "a\0"]),
    *of(stress.prices.read_bars, "path", [None, *OBJECTS[2:], "a\0"]),
    *of(stress.Book.read, "path", [None, *OBJECTS[2:], "a\0"]),
    *(
        case
        for name in ("price", "fund", "jump_gap")
        for case in of(stress.reverse_shock, name, [None, *WRONG], **SHOCK)
    ),
    *(case for name in ("book", "venue", "depth") for case in of(stress.reverse_shock, name, OBJECTS, **SHOCK)),
    *(
        case
        for name in PLOTS
        for argument in ("result", "ax")
        for case in of(plot(name, **{"path": 0} if name == "plot_path" else {}), argument, OBJECTS)
    ),
    *(
        case
        for name in ("plot_adl_by_leverage", "plot_adl_by_side")
        for case in of(plot(name), "given", [None, *WORDS])
    ),
    *of(plot("plot_loss_waterfall"), "given", [None, *WORDS]),
    *of(plot("plot_depletion_curve"), "alphas", [None, 0.1, *ARRAYS, [0.0]]),
    *of(plot("plot_adl_by_leverage"), "bins", ARRAYS),
    *of(plot("plot_population"), "bins", [None, *ARRAYS, [7.0]]),
    *(case for name in ("bin", "reach") for case in of(plot("plot_cliff_map"), name, [None, *WRONG, 0.0, 1e308])),
    *of(plot("plot_path"), "path", [None, *WRONG]),
]


@pytest.mark.parametrize(("call", "base", "argument", "values"), CASES)
def test_bad_arguments_are_named(call, base, argument, values):
    for value in values:
        with pytest.raises(InputError) as caught:
            call(**{**base, argument: value})
        assert len(str(caught.value)) < 3_000  # never the whole of a table or an array


def test_what_is_a_number():
    for value in (0, 1.5, INF, -INF, np.int64(3), np.float32(0.5), 10**300):
        assert is_number(value), value
    for value in (*WRONG[: len(FOREIGN)], NAN, 10**400, None):
        assert not is_number(value), value


def test_arrays_of_numbers_are_copies_of_any_shape():
    given = np.array([[1.0, NAN, INF]])
    found = numbers(given)
    found[0, 0] = 2.0
    assert given[0, 0] == 1.0
    for same in ([1, 2], (1.0, 2.0), pd.Series([1, 2]), np.array([1, 2], "f4"), [Decimal(1), Decimal(2)]):
        assert numbers(same).tolist() == [1.0, 2.0]
    assert all(numbers(values) is None for values in ARRAYS)


@pytest.mark.parametrize("name", ["Börse 交易所", "a\nb", "x" * 10_000, "007", ""])
def test_names_are_any_text_that_a_file_can_hold(name):
    assert is_text(name)
    assert stress.Book(**POSITIONS, account=[name, "other"]).account[0] == name


@pytest.mark.parametrize("name", ["\ud800", "a\0", "a\0b"])
@pytest.mark.parametrize("kind", [list, np.array])
def test_a_name_that_cannot_be_stored_is_refused_with_its_row(name, kind):
    if kind is np.array and name == "a\0":
        return  # numpy drops it before a Book sees it
    with pytest.raises(InputError) as caught:
        stress.Book(**POSITIONS, account=kind(["good", name]))
    assert [(p.row, p.column) for p in caught.value.problems] == [(2, "account")]


def test_numbers_of_numpy_are_stored_as_plain_ones():
    venue = venue_with(cap=np.float32(INF), max_leverage=np.int64(50))
    assert [type(x) for x in vars(venue.tiers[0]).values()] == [float] * 5
    assert type(stress.Depth(np.int64(1000)).describe()["usd"]) is float


def test_executors_that_give_no_future_or_take_no_work():
    class Other:
        def submit(self, *_):
            return 3

    with pytest.raises(InputError, match="executor"):
        simulate(executor=Other())
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(WorkerError, match="takes no work"):
        simulate(executor=pool)


def test_extreme_models_are_refused_before_they_are_run():
    for model in (stress.prices.GBM(100.0, 1e300), stress.prices.Merton(**{**MERTON, "jump_sd": 1e300})):
        with pytest.raises(InputError, match="too extreme"):
            simulate(prices=model)


def test_a_record_keeps_its_name_and_a_scenario_its_keys(tmp_path):
    record = stress.open_run(stress.save_run(result(), tmp_path / "a"))
    with pytest.raises(InputError, match="name"):
        stress.save_run(record, tmp_path / "b", name="other")
    with pytest.raises(InputError, match="detail='positions'"):
        result("paths").by_leverage()


def test_values_of_any_size_take_one_line():
    class Silent:
        def __repr__(self):
            raise RuntimeError

    frame, long = pd.DataFrame({"a": range(9)}), "x" * 10_000
    shown = [str(Problem("where", "more", value=value)) for value in (frame, long, Silent(), 10**5_000)]
    assert all("\n" not in text and len(text) < 400 for text in shown)
    assert pickle.loads(pickle.dumps(InputError(Problem("w", "e", value=1)))).problems[0].value == 1


def test_columns_as_tables_have_them_are_taken():
    """None and NA where the leverage is unknown, one column of a frame, nullable numbers."""
    frame = pd.DataFrame(ONE, index=range(2)).assign(side=[1.0, -1.0])
    columns = {name: frame[[name]] for name in frame}
    for leverage in ([10.0, None], pd.array([10.0, None], "Float64"), np.array([[10.0], [NAN]])):
        book = stress.Book(**columns, leverage=leverage)
        assert book.leverage.tolist()[0] == 10.0
        assert math.isnan(book.leverage[1])
        assert book.side.tolist() == [1.0, -1.0]
    assert stress.Book(**{name: frame[name].astype("Float64") for name in frame}).margin.tolist() == [5.0, 5.0]
