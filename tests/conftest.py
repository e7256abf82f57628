"""Real bars for tests that need them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def data_file(name: str) -> Path:
    """Path of a data file under STRESS_DATA or `../shared/data`; skips the test where it is absent."""
    folder = Path(os.environ.get("STRESS_DATA") or ROOT.parent / "shared" / "data")
    path = folder / name
    if not path.is_file():
        pytest.skip(f"needs {name} in STRESS_DATA or ../shared/data")
    return path
