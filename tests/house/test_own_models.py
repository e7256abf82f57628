"""Price models and callables of a user's own: what they may give, and what of it is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

import stress
from stress.errors import InputError
from stress.prices.base import PriceBlock
from tests.support.bad_uses import FOREIGN, INF, NAN, PATHS, REPLAY, simulate

pytestmark = pytest.mark.nojit


def contradictions():
    loose = {"n_paths": None, "horizon": None}
    return [
        (PATHS, {**loose, "n_paths": 7}, "n_paths"),
        (PATHS, {**loose, "n_paths": 1}, "n_paths"),
        (PATHS, {**loose, "horizon": 600.0}, "horizon"),
        (PATHS, {**loose, "horizon": 60.0}, "horizon"),
        (PATHS, {**loose, "step": 30.0}, "step"),
        (REPLAY, {**loose, "n_paths": 7}, "n_paths"),
        (REPLAY, {**loose, "horizon": 240.0}, "horizon"),
        (REPLAY, {**loose, "step": 30.0}, "step"),
    ]


@pytest.mark.parametrize(("prices", "given", "column"), contradictions())
def test_what_a_model_has_of_its_own_is_not_contradicted(prices, given, column):
    with pytest.raises(InputError) as caught:
        simulate(prices=prices, **given)
    assert [p.column for p in caught.value.problems] == [column]
    assert type(prices).__name__ in str(caught.value)


def test_what_a_model_has_of_its_own_may_be_repeated():
    assert simulate(prices=PATHS, n_paths=2, horizon=120.0, step=60).n_paths == 2
    assert simulate(prices=REPLAY, n_paths=1, horizon=180, step=60.0, delay=1.0).config["steps"] == 3
    assert simulate(prices=REPLAY, n_paths=None, horizon=60.0, gap=0.0).config["steps"] == 1


class Model:
    """A price model of a user; `make` turns an array of prices into what `block` gives."""

    def __init__(self, make, s0=100.0, describe=None, **own):
        self.make, self.s0, self.record = make, s0, {"model": "mine"} if describe is None else describe
        vars(self).update(own)

    def describe(self):
        return self.record

    def block(self, seed, first_path, n_paths, n_steps, dt):
        return self.make(np.full((n_paths, n_steps + 1), 100.0))


NO_BLOCKS = {
    "nothing": lambda a: None,
    "a number": lambda a: 3.0,
    "text": lambda a: "abcd",
    "short": lambda a: PriceBlock(a[:, :-1]),
    "complex": lambda a: PriceBlock(a + 0j),
    "words": lambda a: PriceBlock(a.astype(str)),
    "objects": lambda a: PriceBlock(np.full(a.shape, None)),
    "dates": lambda a: PriceBlock(a.astype("M8[s]")),
    "masked": lambda a: PriceBlock(np.ma.masked_array(a, np.eye(*a.shape))),
    "ragged": lambda a: PriceBlock([[1.0], [1.0, 2.0]]),
    "low alone": lambda a: PriceBlock(a, a),
    "six": lambda a: (a,) * 6,
    "weights in words": lambda a: PriceBlock(a, log_weight=np.full(len(a), "x")),
    "weights of nothing": lambda a: PriceBlock(a, log_weight=[None] * len(a)),
    "complex weights": lambda a: PriceBlock(a, log_weight=np.zeros(len(a)) * 1j),
    "another start": lambda a: PriceBlock(a + 1),
    "negative": lambda a: PriceBlock(np.where(np.arange(a.shape[1]) > 2, -1.0, a)),
}


@pytest.mark.parametrize("make", NO_BLOCKS.values(), ids=NO_BLOCKS)
def test_a_block_that_is_none_names_its_model_or_its_path(make):
    with pytest.raises(stress.SimulationError, match=r"Model.block gave|first path \d"):
        simulate(prices=Model(make))


def read_only(a):
    a.setflags(write=False)
    return PriceBlock(a)


@pytest.mark.parametrize(
    "make",
    [
        read_only,
        lambda a: (np.asfortranarray(a),),
        lambda a: (a.astype(int),),
        lambda a: (a.tolist(), None, None, None),
    ],
)
def test_prices_in_any_layout_are_taken(make):
    same = simulate(prices=Model(lambda a: PriceBlock(a)))
    assert simulate(prices=Model(make)).paths.equals(same.paths)


@pytest.mark.parametrize("s0", [*FOREIGN, NAN, INF, 0.0, -1.0, None])
def test_a_model_starts_at_a_price(s0):
    with pytest.raises(InputError, match="s0"):
        simulate(prices=Model(lambda a: (a,), s0=s0))


@pytest.mark.parametrize("name", ["n_paths", "step", "horizon"])
@pytest.mark.parametrize("value", ["60", NAN, -1, 0, object(), 10**400])
def test_what_a_model_says_of_its_length_is_checked(name, value):
    with pytest.raises(InputError, match=name):
        simulate(prices=Model(lambda a: (a,), **{name: value}), n_paths=None, horizon=None)


@pytest.mark.parametrize("record", ["x", [], NAN, {"a": object()}, {"a": {1j}}])
def test_a_model_describes_itself_in_plain_values_before_it_is_run(record):
    with pytest.raises(InputError, match=r"Model.describe"):
        simulate(prices=Model(lambda a: pytest.fail("was run"), describe=record))


def test_numbers_of_numpy_are_plain_values():
    model = Model(lambda a: (a,), describe={"model": "mine", "a": np.arange(2), "b": np.int64(3)})
    assert simulate(prices=model).config["prices"]["b"] == 3


def test_a_description_without_a_price_gets_it():
    assert simulate(prices=Model(lambda a: (a,))).config["prices"] == {"model": "mine", "s0": 100.0}


def test_prices_that_follow_a_changed_start_are_refused():
    model = Model(lambda a: (a,))

    def moved(a):
        model.s0 = 200.0
        return (2 * a,)

    model.make = moved
    with pytest.raises(stress.SimulationError, match=r"its s0 100\.0"):
        simulate(prices=model)


def failing(*_):
    raise KeyError("mine")


def test_exceptions_of_the_user_stay_as_they_are():
    for given in ({"progress": failing}, {"prices": Model(failing)}):
        with pytest.raises(KeyError, match="mine"):
            simulate(**given)
