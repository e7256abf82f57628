"""Designs of several batches: each repeats the cells of the first; a path hangs on its number and the batch alone."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np

from stress.engine.design import with_paths
from stress.engine.prepare import prepare
from tests.support.small_run import MODEL, SETTINGS, make_book, make_venue

BATCH = 440


def design(n_paths=BATCH, batch=None):
    settings = SETTINGS | {"n_paths": BATCH, "tail": 0.01}
    return replace(prepare(make_book(), make_venue(), MODEL, **settings), n_paths=n_paths, batch=batch)


def test_paths_of_a_batch_are_those_of_a_run_of_its_size():
    alone, grown = design(), design(3 * BATCH, BATCH)
    for a, b in zip(alone.price_block(0, BATCH)[0], grown.price_block(0, BATCH)[0], strict=True):
        assert np.array_equal(a, b)
    whole, some = grown.price_block(0, 3 * BATCH), grown.price_block(BATCH + 7, 40)
    assert np.array_equal(whole[0].close[BATCH + 7 : BATCH + 47], some[0].close)
    assert np.array_equal(whole[1][BATCH + 7 : BATCH + 47], some[1])
    assert not np.array_equal(whole[0].close[:BATCH], whole[0].close[BATCH : 2 * BATCH])  # the same cells, other days


def test_weights_of_batches_are_those_of_the_first():
    grown = design(3 * BATCH, BATCH)
    weights = grown.price_block(0, 3 * BATCH)[1].reshape(3, BATCH)
    assert np.array_equal(weights[0], weights[1])
    assert np.array_equal(weights[0], weights[2])
    assert weights.mean() == np.float64(1.0) or abs(weights.mean() - 1.0) < 1e-12
    assert np.array_equal(weights[0], design().price_block(0, BATCH)[1])
    assert not np.array_equal(weights[0], design(3 * BATCH).price_block(0, BATCH)[1])  # a run of no batches has others


def test_a_grown_design_keeps_what_was_built_and_crosses_to_another_process():
    first = design(batch=BATCH)
    _ = first.ladder, first.sampler
    grown = with_paths(first, 2 * BATCH)
    assert grown.ladder is first.ladder
    assert grown.sampler is first.sampler
    copy = pickle.loads(pickle.dumps(grown))
    assert (copy.n_paths, copy.batch, copy.tail) == (2 * BATCH, BATCH, 0.01)
    assert np.array_equal(copy.price_block(BATCH, 5)[0].close, grown.price_block(BATCH, 5)[0].close)
    assert copy.describe() == grown.describe() | {"paths": 2 * BATCH}
