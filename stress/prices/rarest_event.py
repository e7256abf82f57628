"""Paths drawn by the rarity of their rarest event.

A price model may declare coordinates: D independent uniforms r_1 .. r_D, each of which says how rare the worst event
of one sort is on a path (the largest jump down, the largest wick up, ...): r is the probability that a path has one at
least as severe. A coordinate above its chance, the probability that a path has such an event at all, means that there
is none. Everything else of a path is drawn given them (`PriceModel.block`, argument `rarity`).

The space of paths is cut into cells: "coordinate c has the smallest r of all that mean something, and it lies in
(a, b]", from 0.1 to a tenth of the smallest probability that is asked for, a last cell of each coordinate beyond, and
one cell of all other paths, the ordinary days. Borders are half a decade apart, or less where there are paths for some
`CELL_PATHS` in a cell, down to an eighth of a decade. With m_d(r) = min(r, chance_d),

    P(cell) = integral from a to b of the product over d != c of (1 - m_d(r)) dr,

a polynomial between the chances, which are borders too; and given r_c = r, coordinate d is uniform on (m_d(r), 1).

Of n paths, a cell of probability p has n (p / 2 + 1 / (2 K)), K the number of cells. So the weight of a path,
p over its cell's share of the paths, is at most 2, and no variance can be more than about twice that of plain paths,
whatever the cells miss; and paths of each cell are independent paths of the model under a condition, so that the spread
within cells is the error. The cell of a path depends on its number alone.

Addresses of the random numbers, by (stream, path, draw): RARITY, c -> the uniform of coordinate c.

Sources: stratified sampling: W. G. Cochran, Sampling Techniques, chapter 5; a mixture with the plain law bounds
weights: A. Owen and Y. Zhou, J. American Statistical Association 95 (2000).
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from stress import quantities
from stress.arguments import is_number, percent_hint
from stress.errors import Problem, raise_if
from stress.kernels.numerics.elementary import round40
from stress.kernels.prices.rarity import fill_coordinates
from stress.prices.base import PriceBlock
from stress.prices.strata import Strata

ORDINARY = 0.1  # above this r of its rarest event a path is an ordinary day
FEWEST_CELLS, MOST_CELLS = 2, 8  # of a decade
CELL_PATHS = 200  # of a cell, from which on cells are made smaller
LEAST_PATHS = 10  # of a cell
LEAST_TAIL, MOST_TAIL = 1e-12, 0.1  # that may be asked for


class Cell(NamedTuple):
    """A cell: the coordinate with the rarest event, -1 for the ordinary days, its borders and probability."""

    coordinate: int
    low: float
    high: float
    probability: float
    power: int  # of 1 - r in the density of r within the cell: coordinates whose chance is above it


def cells_of(chances: np.ndarray, tail: float, n_paths: int = 0) -> list[Cell]:
    """The cells of D coordinates, float64[D] chances, for probabilities down to `tail`; the ordinary days first.

    A coordinate of chance 0 has none. As many to a decade as `n_paths` allow, by default the fewest.
    """
    last = tail / 10
    tops = np.minimum(chances, ORDINARY)
    decades = float(np.log10(tops[tops > last] / last).sum())
    wanted = n_paths / (2 * CELL_PATHS * decades) if decades > 0 else 0.0
    per_decade = min(max(int(wanted + 1e-9), FEWEST_CELLS), MOST_CELLS)
    cells = [Cell(-1, ORDINARY, 1.0, math.prod((1.0 - tops).tolist(), start=1.0), 0)]
    # at a chance the density changes its power, so it takes the place of the borders next to it
    at_chance = np.unique(chances[(chances > 0.0) & (chances < ORDINARY)])
    count = math.ceil(math.log10(ORDINARY / last) * per_decade - 1e-9)
    # rounded, since the last bits of a power depend on the machine
    borders = [ORDINARY, *(float(round40(ORDINARY * 10.0 ** (-k / per_decade))) for k in range(1, count)), last]
    kept = [x for x in borders if x in (ORDINARY, last) or not _is_near(x, at_chance, 0.5 / per_decade)]
    cuts = np.unique([0.0, *kept, *at_chance])
    for c, top in enumerate(tops):
        for low, high in zip(cuts[-2::-1], cuts[:0:-1], strict=True):
            if high <= top:
                cells.append(_cell(chances, c, float(low), float(high)))
    return cells


def _is_near(x: float, others: np.ndarray, decades: float) -> bool:
    """Whether x is closer than that to one of the others."""
    return bool((np.abs(np.log10(others / x)) < decades).any())


def _cell(chances: np.ndarray, c: int, low: float, high: float) -> Cell:
    others = np.delete(chances, c)
    k = int((others >= high).sum()) + 1
    # ((1 - low)^k - (1 - high)^k) / k without the cancellation, by products alone: the same bits on every machine
    powers = math.fsum(math.prod([1.0 - low] * j + [1.0 - high] * (k - 1 - j), start=1.0) for j in range(k))
    fixed = math.prod((1.0 - others[others < high]).tolist(), start=1.0)
    return Cell(c, low, high, (high - low) * powers / k * fixed, k - 1)


def sizes_of(cells: list[Cell], n: int) -> np.ndarray:
    """Paths of each cell among n, int64[K]: half of them like the probabilities, half evenly, rounded to add to n."""
    p, k = np.array([cell.probability for cell in cells]), len(cells)
    wanted = n * (0.5 * p / math.fsum(p) + 0.5 / k)
    sizes = np.floor(wanted).astype(np.int64)
    order = np.argsort(sizes - wanted, kind="stable")
    sizes[order[: n - int(sizes.sum())]] += 1
    rounded: np.ndarray = sizes
    return rounded


def spread(sizes: np.ndarray) -> np.ndarray:
    """Cell of each path, int64[n]: cells follow each other evenly mixed.

    Path i is number i s mod n of the paths in the order of their cells, s next to n / golden ratio and prime to n.
    """
    n = int(sizes.sum())
    stride = max(1, round(n * (math.sqrt(5.0) - 1.0) / 2.0))
    while math.gcd(stride, n) > 1:
        stride += 1
    number = np.arange(n, dtype=np.int64)
    number = number * stride % n
    cell: np.ndarray = np.searchsorted(np.cumsum(sizes), number, side="right")
    return cell


class RarestEvent:
    """Draws the paths of a price model by the rarity of their rarest event.

    A model without rarities, such as one that is refitted or made harder beyond where it has any, is drawn as ever: all
    of its paths are of the one cell of ordinary days. A run refuses such a model at its start (`read_tail`).

    Parameters
    ----------
    model : price model
    tail : float
        The smallest probability that is asked for.
    n_paths, n_steps : int
    dt : float
        Length of a step, seconds.
    """

    def __init__(self, model: Any, tail: float, n_paths: int, n_steps: int, dt: float):
        self.model, self.tail = model, tail
        names = rarities_of(model, n_steps, dt)
        self.names = list(names)
        self.chances = _ranked(names, tail)
        self.cells = cells_of(self.chances, tail, n_paths)
        self.sizes = sizes_of(self.cells, n_paths)
        self.cell = spread(self.sizes)

    @cached_property
    def strata(self) -> Strata:
        """The cells as strata of the run."""
        names = [*self.names, "ordinary days"]  # the last one is that of the coordinate -1
        words = {
            "coordinate": [names[cell.coordinate] for cell in self.cells],
            "from": [cell.low for cell in self.cells],
            "to": [cell.high for cell in self.cells],
        }
        probability = np.array([cell.probability for cell in self.cells])
        return Strata(probability, self.sizes, self.cell, words)

    def coordinates(self, seed: int, first_path: int, n_paths: int) -> np.ndarray:
        """Coordinates of the paths first_path .. first_path + n_paths - 1, float64[n_paths, D]."""
        rows = np.arange(first_path, first_path + n_paths) % self.cell.size
        found = np.empty((n_paths, self.chances.size))
        columns = [np.array(x) for x in zip(*self.cells, strict=True)]
        fill_coordinates(
            seed, first_path, self.cell[rows], *columns[:3], columns[4], self.chances,
            np.minimum(self.chances, ORDINARY), found,
        )  # fmt: skip
        return found

    def block(self, seed: int, first_path: int, n_paths: int, n_steps: int, dt: float) -> PriceBlock:
        """Prices of the paths first_path .. first_path + n_paths - 1; their weights are those of the strata."""
        given: dict[str, Any] = {"rarity": self.coordinates(seed, first_path, n_paths)} if self.names else {}
        made: PriceBlock = self.model.block(seed, first_path, n_paths, n_steps, dt, **given)
        return made


def _ranked(names: dict[str, float], tail: float) -> np.ndarray:
    """Chances of the coordinates that take part in the cells; 0 of those that are rarer than a tenth of the tail.

    Rounded, since the last bits of what a model says depend on the machine, and cells begin at chances.
    """
    return np.array([float(round40(float(x))) if x > tail / 10 else 0.0 for x in names.values()])


def rarities_of(model: Any, n_steps: int, dt: float) -> dict[str, float]:
    """Coordinates of a model and their chances; empty of one that has none."""
    declared = getattr(model, "rarities", None)
    return dict(declared(n_steps, dt)) if callable(declared) else {}


def least_paths(tail: float, model: Any, n_steps: int, dt: float) -> int:
    """The fewest paths that a tail takes: `LEAST_PATHS` in each of its cells, of which half of the paths are spread."""
    chances = _ranked(rarities_of(model, n_steps, dt), tail)
    return 2 * LEAST_PATHS * len(cells_of(chances, tail))


def read_tail(tail: Any, model: Any, n_paths: int, n_steps: int, dt: float) -> float | None:
    """The tail that is asked for as a number, or None.

    Raises
    ------
    InputError
        With what is wrong with it, the model or the number of paths.
    """
    if tail is None:
        return None
    value: Any = quantities.number(tail)
    if not (is_number(value) and LEAST_TAIL <= value <= MOST_TAIL):
        expected = f"a probability from {LEAST_TAIL:g} to {MOST_TAIL:g}{percent_hint(value)}"
        raise_if([Problem("run", expected, column="tail", value=tail)])
    chances = _ranked(rarities_of(model, n_steps, dt), value)
    kind = getattr(model, "kind", type(model).__name__)
    if not chances.any():
        expected = (
            f"no tail: {kind} has no events by whose rarity its paths could be drawn (jumps, wicks, drawn bars); "
            "its paths are plain ones"
        )
        raise_if([Problem("run", expected, column="tail", value=tail)])
    least = least_paths(value, model, n_steps, dt)
    if n_paths < least:
        expected = f"at least {least:,} paths for a tail of {value:g}, {LEAST_PATHS} in each of its cells"
        raise_if([Problem("run", expected, column="paths", value=n_paths)])
    return float(value)
