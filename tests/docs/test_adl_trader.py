"""docs/adl-trader.md: its example runs, and the start has the prices of the quickstart."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from stress.analysis.trader_start import START

ROOT = Path(__file__).parents[2]


def test_the_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "adl-trader.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    space: dict = {}
    exec(block, space)
    found = space["found"]
    assert "Fund: not given" in "\n".join(found.standing)
    assert found.funds["adl"].is_monotonic_decreasing
    assert (tmp_path / "trader.png").exists()


def test_the_start_has_the_prices_of_the_quickstart():
    start, quick = (tomllib.loads(p.read_text("utf-8")) for p in (START, ROOT / "examples" / "quickstart.toml"))
    for table in (start, quick):
        del table["prices"]["provenance"]
    assert start["prices"] == quick["prices"]
    assert start["population"]["open_interest"] == quick["population"]["open_interest"]
    assert {k: start["run"][k] for k in ("horizon", "step", "delay", "jump_gap")} == {
        k: quick["run"][k] for k in ("horizon", "step", "delay", "jump_gap")
    }
