"""Fitting a population: what was put in comes out, within the errors that the module states."""

from __future__ import annotations

import math
from math import inf

import numpy as np
import pytest

from stress.book.book import Book
from stress.book.population import PopulationSpec
from stress.book.population_fit import STANDARD, fit
from stress.errors import InputError
from stress.venue.load import load_venue
from stress.venue.tier import Tier
from stress.venue.venue import Venue

N, PRICE = 6000, 250.0
PLAIN = Venue(name="plain", tiers=[Tier(0, inf, 125, 0.004)])
STEPS = Venue(
    name="steps",
    tiers=[Tier(0, 2e4, 100, 0.004), Tier(2e4, 2e5, 20, 0.01, 120), Tier(2e5, inf, 5, 0.05, 8120)],
)
SPEC = PopulationSpec(
    accounts=N,
    open_interest=1e9,
    leverage={2: 1, 5: 1, 10: 3, 25: 1, 100: 2},
    size_sigma=1.8,
    tail_index=1.2,
    tail_from=0.9,
    max_share=0.01,
    correlation=-0.4,
    long_share=0.6,
)


def spec_of(**changes):
    return PopulationSpec(**{**SPEC.model_dump(), **changes})


def again(spec, venue=PLAIN, seed=5, told=None, **how):
    return fit(Book.sample(spec, venue=venue, price=PRICE, seed=seed), PRICE, told, **{"tail_from": 0.9} | how)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"correlation": 0.0, "long_share": 0.5},
        {"correlation": 0.7, "size_sigma": 0.8, "tail_index": 2.0, "max_share": 0.003},
        {"size_sigma": 2.7, "tail_index": 0.8, "max_share": 0.02},
    ],
)
def test_what_was_put_in_comes_out(changes):
    spec = spec_of(**changes)
    found = again(spec)
    n = spec.accounts
    assert (found.accounts, found.tail_from) == (n, 0.9)
    assert found.open_interest == pytest.approx(spec.open_interest, rel=1e-12)
    assert found.max_share == pytest.approx(spec.max_share, rel=1e-6)
    assert list(found.leverage) == list(spec.leverage)
    for leverage, w in spec.leverage.items():
        assert found.leverage[leverage] == pytest.approx(w, abs=4 * math.sqrt(w * (1 - w) / n))
    assert found.size_sigma == pytest.approx(spec.size_sigma, abs=4 * 1.17 * spec.size_sigma / math.sqrt(n))
    assert found.tail_index == pytest.approx(spec.tail_index, abs=4 * spec.tail_index / math.sqrt(0.1 * n))
    assert found.correlation == pytest.approx(spec.correlation, abs=4 * 1.2 / math.sqrt(n))
    assert found.long_share == pytest.approx(spec.long_share, abs=4 * math.sqrt(0.25 / n))


def test_errors_are_as_stated():
    runs = [again(SPEC, seed=seed) for seed in range(30)]
    stated = {"size_sigma": 1.17 * 1.8, "tail_index": 1.2 / math.sqrt(0.1), "correlation": 1.2, "long_share": 0.49}
    for name, scale in stated.items():
        spread = np.std([getattr(found, name) for found in runs], ddof=1) * math.sqrt(N)
        assert 0.5 * scale < spread < 1.5 * scale
        mean = np.mean([getattr(found, name) for found in runs])
        assert mean == pytest.approx(getattr(SPEC, name), abs=4 * scale / math.sqrt(30 * N) + 0.005)


@pytest.mark.parametrize("correlation", [0.0, -0.4])
def test_tiers_that_lower_leverage_are_seen_through(correlation):
    spec = spec_of(correlation=correlation, leverage={2: 1, 5: 1, 10: 1, 20: 2, 50: 2, 100: 1})
    blind, told = again(spec, STEPS), again(spec, STEPS, told=STEPS)
    assert blind.leverage[5.0] > 2 * spec.leverage[5.0]
    assert blind.correlation < correlation - 0.2
    for leverage, w in spec.leverage.items():
        assert told.leverage[leverage] == pytest.approx(w, abs=4 * 2.0 / math.sqrt(N))
    assert told.correlation == pytest.approx(correlation, abs=4 * 1.6 / math.sqrt(N))


def test_a_mix_on_a_venue():
    venue = load_venue("binance", market="BTCUSDT")
    spec = PopulationSpec.load("extreme", accounts=N, open_interest=1e9)
    found = fit(Book.sample(spec, venue=venue, price=60_000.0, seed=3), 60_000.0, venue)
    assert found.correlation == pytest.approx(spec.correlation, abs=4 * 1.6 / math.sqrt(N))
    for leverage, w in spec.leverage.items():
        assert found.leverage.get(leverage, 0.0) == pytest.approx(w, abs=4 * 2.0 / math.sqrt(N))
    assert found.tail_index == pytest.approx(0.8, abs=4 * 0.8 / math.sqrt(0.03 * N))


def test_a_fit_can_be_sampled():
    found = again(SPEC)
    book = Book.sample(found, venue=PLAIN, price=PRICE, seed=1)
    assert len(book) == N
    assert set(found.sources) == {
        "leverage", "size_sigma", "tail_index", "max_share", "correlation", "long_share",
    }  # fmt: skip
    assert found.sources["leverage"].endswith(f"{N} positions")


def test_a_buffer_comes_out():
    share, median, sigma = 0.6, 0.15, 0.7
    spec = spec_of(leverage={2: 1, 5: 1}, buffer_share=share, buffer=median, buffer_sigma=sigma)
    book = Book.sample(spec, venue=PLAIN, price=PRICE, seed=5)
    found = fit(book, PRICE, tail_from=0.9)
    held = share * N
    assert found.buffer_share == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / N))
    assert found.buffer == pytest.approx(median, rel=4 * 1.25 * sigma / math.sqrt(held))
    assert found.buffer_sigma == pytest.approx(sigma, abs=4 * 1.17 * sigma / math.sqrt(held))
    blind = Book(book.side, book.quantity, book.entry_price, book.margin)
    assert fit(blind, PRICE, tail_from=0.9).buffer_share == 0.0


@pytest.mark.parametrize(("mix", "classes"), [("mixed", (0.18, 0.41, 0.41))])
def test_open_interest_by_leverage_is_as_published(mix, classes):
    """Weights by number are shares of open interest where size and leverage do not hang together."""
    spec = PopulationSpec.load(mix, accounts=4000, open_interest=1e9)
    shares = []
    for seed in range(12):
        book = Book.sample(spec, venue=PLAIN, price=PRICE, seed=seed)
        cell = np.digitize(book.leverage, [2.5, 8.0])
        shares.append(np.bincount(cell, book.quantity, 3) / book.quantity.sum())
    se = np.std(shares, axis=0, ddof=1) / math.sqrt(12)
    expected = [
        sum(w for k, w in spec.leverage.items() if low < k < high) for low, high in ((0, 2.5), (2.5, 8), (8, inf))
    ]
    assert expected == pytest.approx(classes, abs=0.011)
    assert (np.abs(np.mean(shares, axis=0) - expected) < 4 * se).all()


@pytest.mark.nojit
class TestSmallBooks:
    def test_leverage_from_margin_and_no_tail(self):
        entry, margin = [100.0, 100.0, 90.0, 110.0], [10.0, 10.4, 91.0, 1.0]
        found = fit(Book([1, -1, 1, -1], [1, 1, 1, 1], entry, margin), 100.0)
        assert found.leverage == pytest.approx({1.0: 0.25, 10.0: 0.5, 100.0: 0.25}, abs=1e-4)
        assert (found.tail_index, found.size_sigma, found.long_share) == (None, 0.0, 0.5)
        assert found.max_share == pytest.approx(0.5)

    def test_one_leverage(self):
        found = fit(Book([1, 1, -1, -1], [1, 3, 2, 2], [100.0] * 4, [10.0] * 4, leverage=[7.2] * 4), 100.0)
        assert (found.leverage, found.correlation) == ({7.0: 1.0}, 0.0)
        assert found.max_share == pytest.approx(0.75)

    def test_standard_leverages_cover_every_preset(self):
        assert {1, 2, 3, 5, 10, 20, 25, 50, 75, 100, 125} <= set(STANDARD)
        assert (np.diff(STANDARD) > 0).all()

    def test_refuses(self):
        book = Book([1, -1, -1], [2, 1, 1], [100.0] * 3, [10.0] * 3)
        with pytest.raises(InputError) as error:
            fit(book, -1.0, tail_from=0.2)
        assert [p.column for p in error.value.problems] == ["price", "tail_from", "side"]
