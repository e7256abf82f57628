"""Compiles what the tests use: `python -m tests.support.compiled`."""

from __future__ import annotations

import random
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

import stress
from stress.cli import main as main_of_stress
from stress.kernels import jit
from stress.kernels.rules.records import POLICIES
from tests.support import small_run, twin, twin_mechanics
from tests.support.bars import BARS
from tests.support.models import PARAMETRIC
from tests.support.tiny import TINY

DONE = "tests"  # a file that says that all below was compiled


def compile_all() -> None:
    """One tiny call of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tiny.toml").write_text(TINY)
        with suppress(SystemExit):  # the command compiles on two processors
            main_of_stress(["run", f"{folder}/tiny.toml", "--out", f"{folder}/run", "--no-report", "--quiet"])
        stress.run(Path(folder) / "tiny.toml").result.replay_path(0)
    for model in PARAMETRIC.values():
        model.block(1, 0, 1, 2, 60.0)
    stress.prices.Bootstrap(BARS, mean_block=20.0).block(1, 0, 1, 2, BARS.step)
    small_run.simulate(threads=1, n_paths=2)
    for policy in POLICIES:
        level = 0.5 if policy == "risk_excess" else None
        stress.allocate(policy, np.ones(3), 1.0 + np.arange(3.0), 1.0, excess_leverage=level, lot=0.1)
    rng, row = random.Random(1), twin.ROWS[0]
    venue = twin.make_venue(row, 30.0)
    for continuous in (False, True):
        twin.run_both(twin.make_book(rng, venue), venue, twin.make_path(rng, continuous), depth=twin.DEPTHS["linear"])
    twin_mechanics.run_engine(twin_mechanics.make_case(twin_mechanics.ROWS[0], 0, 0))
    book = twin.make_book(rng, venue)
    stress.reverse_shock(book, venue, twin.S0, fund=1.0)


def main() -> None:
    assert jit.CACHE_DIR is not None, "no writable cache directory"
    if not (jit.CACHE_DIR / DONE).exists():
        compile_all()
        (jit.CACHE_DIR / DONE).touch()


if __name__ == "__main__":
    main()
