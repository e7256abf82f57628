"""Cells of the rarest event: their probabilities, who falls into them, and what they expect of a model."""

import numpy as np
import pytest

from stress.errors import InputError
from stress.prices import GBM, Kou
from stress.prices.rarest_event import RarestEvent, cells_of, read_tail, sizes_of, spread

DAY = 1_440, 60.0  # steps and their length
KOU = Kou(s0=100.0, sigma=0.5, intensity=2_000.0, p_up=0.4, eta_up=60.0, eta_down=50.0)
CHANCES = np.array([0.9, 0.5, 0.003, 2e-5])


@pytest.mark.parametrize("n_paths", [0, 20_000, 10**6])
@pytest.mark.parametrize("tail", [1e-2, 1e-4, 1e-7])
@pytest.mark.parametrize("chances", [CHANCES, CHANCES[:1], np.array([0.05, 1.0]), np.array([0.0, 0.3])])
def test_cells_cover_the_space_of_paths(chances, tail, n_paths):
    chances = np.where(chances > tail / 10, chances, 0.0)
    cells = cells_of(chances, tail, n_paths)
    assert sum(cell.probability for cell in cells) == pytest.approx(1.0, abs=1e-12)
    for c in np.flatnonzero(chances):
        mine = [cell for cell in cells if cell.coordinate == c]
        assert mine[-1].low == 0.0
        assert mine[0].high == min(chances[c], 0.1)
        assert [cell.low for cell in mine[:-1]] == [cell.high for cell in mine[1:]]


def test_the_probability_of_a_cell_is_how_often_paths_fall_into_it():
    rarity = np.random.default_rng(1).random((400_000, CHANCES.size))
    meant = np.where(rarity < CHANCES, rarity, 2.0)
    rarest, value = meant.argmin(axis=1), meant.min(axis=1)
    for cell in cells_of(CHANCES, 1e-4):
        inside = (rarest == cell.coordinate) & (cell.low < value) & (value <= cell.high)
        if cell.coordinate < 0:
            inside = (rarity > np.minimum(CHANCES, 0.1)).all(axis=1)
        se = np.sqrt(cell.probability / len(rarity))
        assert abs(inside.mean() - cell.probability) < 4 * se


def test_cells_are_smaller_where_there_are_paths_for_it():
    alone = np.array([0.5])
    assert [len(cells_of(alone, 1e-6, n)) - 2 for n in (0, 1_000, 20_000, 10**6)] == [12, 12, 48, 48]
    assert len(cells_of(np.full(4, 0.5), 1e-6, 20_000)) == 1 + 4 * 13
    for n in (5_000, 20_000, 50_000):
        sizes = sizes_of(cells_of(alone, 1e-6, n), n)
        assert sizes.min() >= 170


def test_half_of_the_paths_are_ordinary_and_half_spread_over_the_cells():
    cells = cells_of(CHANCES, 1e-6)
    sizes = sizes_of(cells, 20_000)
    p = np.array([cell.probability for cell in cells])
    assert sizes.sum() == 20_000
    assert np.abs(sizes - 20_000 * (p / 2 + 1 / (2 * p.size))).max() < 1.0
    assert (p * 20_000 / sizes).max() <= 2.0


def test_cells_are_evenly_mixed():
    sizes = np.array([7_000, 500, 2_500])
    cell = spread(sizes)
    assert np.bincount(cell).tolist() == sizes.tolist()
    for k in range(sizes.size):
        in_blocks = np.bincount(np.flatnonzero(cell == k) // 1_000, minlength=10)
        assert np.ptp(in_blocks) <= 3


def test_weighted_coordinates_are_uniform():
    source = RarestEvent(KOU, 1e-6, 20_000, *DAY)
    rarity = source.coordinates(3, 0, 20_000)
    weight = source.strata.weight[source.strata.stratum_of(0, 20_000)]
    assert weight.sum() == pytest.approx(20_000, rel=1e-12)
    assert weight.max() <= 2.0
    for r in rarity.T:
        for x in (0.9, 0.5, 0.2, 0.05, 0.01, 1e-3, 1e-5, 1e-7):
            below = weight * (r < x)
            assert abs(below.mean() - x) < 4 * below.std() / np.sqrt(r.size) + 1e-15
    product = weight * np.prod(rarity, axis=1)
    assert abs(product.mean() - 0.5 ** rarity.shape[1]) < 4 * product.std() / np.sqrt(len(rarity))


def test_coordinates_lie_in_the_cell_of_their_path():
    source = RarestEvent(KOU, 1e-5, 5_000, *DAY)
    rarity = source.coordinates(3, 0, 5_000)
    for i, (k, row) in enumerate(zip(source.cell, rarity, strict=True)):
        cell = source.cells[k]
        if cell.coordinate < 0:
            assert (row > np.minimum(source.chances, 0.1)).all(), i
        else:
            r = row[cell.coordinate]
            others = np.delete(row, cell.coordinate) > np.minimum(r, np.delete(source.chances, cell.coordinate))
            assert cell.low < r <= cell.high, i
            assert others.all(), i


def test_a_path_depends_on_its_number_alone():
    source = RarestEvent(KOU, 1e-4, 2_000, *DAY)
    whole = source.block(7, 0, 40, *DAY)
    parts = [source.block(7, first, n, *DAY) for first, n in ((0, 13), (13, 1), (14, 26))]
    for name in ("close", "low", "high", "pre_jump"):
        cut = np.concatenate([getattr(part, name) for part in parts])
        assert cut.tobytes() == getattr(whole, name).tobytes()


def test_a_model_that_has_lost_its_rarities_is_drawn_as_ever():
    calm = GBM(s0=100.0, sigma=0.5)
    source = RarestEvent(calm, 1e-6, 50, *DAY)
    assert source.block(7, 3, 5, *DAY).close.tobytes() == calm.block(7, 3, 5, *DAY).close.tobytes()
    assert source.strata.weight.tolist() == [1.0]
    assert source.strata.words["coordinate"] == ["ordinary days"]


def test_last_bits_of_a_chance_change_no_cell():
    near = np.nextafter(0.003, 1.0)
    for n in (2_000, 20_000):
        made = []
        for chance in (0.003, near):
            model = Kou(s0=100.0, sigma=0.5, intensity=2_000.0, p_up=0.4, eta_up=60.0, eta_down=50.0)
            object.__setattr__(model, "rarities", lambda n_steps, dt, chance=chance: {"a": 0.9, "b": chance})
            made.append(RarestEvent(model, 1e-5, n, *DAY).cells)
        assert made[0] == made[1]


def test_a_tail_that_cannot_be_had_is_refused():
    assert read_tail(None, KOU, 10, *DAY) is None
    assert read_tail("0.01 %", KOU, 5_000, *DAY) == pytest.approx(1e-4)
    for tail, model, n, said in [
        (2.0, KOU, 5_000, "a probability from 1e-12 to 0.1"),
        ("many", KOU, 5_000, "a probability"),
        (1e-6, KOU, 500, "at least 9"),
        (1e-6, GBM(s0=100.0, sigma=0.5), 5_000, "gbm has no events by whose rarity"),
    ]:
        with pytest.raises(InputError, match=said):
            read_tail(tail, model, n, *DAY)
