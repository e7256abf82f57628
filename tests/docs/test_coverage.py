"""The repetitions behind docs/coverage.md, a few of them."""

from __future__ import annotations

import pandas as pd
import pytest

from docs.make_coverage import page
from docs.repetitions import chain, rates


@pytest.mark.slow
def test_rates_of_classes_are_covered():
    found = rates.coverage(100, 500, truth=100_000)
    printed = found[found["intervals"] > 50]
    assert len(printed) > 40
    assert printed["held"].mean() > 0.93
    assert printed["held"].min() > 0.86  # four standard errors below 95 %
    assert found["bounds"].min() > 0.7
    assert (found[found["true"] == 0]["few"] == 1).all()


@pytest.mark.slow
def test_the_whole_chain_is_covered_by_all_parts_and_not_by_the_paths(monkeypatch):
    monkeypatch.setattr(chain, "TRUE_BOOKS", 40)
    budgets = pd.concat([chain.repetition(i) for i in range(25)], ignore_index=True)
    counted = chain.counted(chain.with_truth(budgets, chain.truth()))
    assert counted["total"].min() >= 0.76  # of 25, four standard errors below 95 %
    assert counted["paths"].mean() < 0.85
    text = page({500: (2, rates.coverage(2, 500, truth=50_000))}, chain.with_truth(budgets, chain.truth()))
    assert "25 repetitions" in text
