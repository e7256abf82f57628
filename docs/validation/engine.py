"""The engine against its naive twin, on random books under every pair of options."""

from __future__ import annotations

import random
from functools import cache, partial

import numpy as np

from docs.validation.case import S0, Section, exact
from tests.support import twin

section = Section("The engine against its naive twin")
add = section.add

BOOKS = 20  # for each row of the table


@cache
def twins() -> dict[str, float]:
    """Books compared, largest difference of money and of quantity (over open interest), counts that differ."""
    found = {"books": 0, "money": 0.0, "quantity": 0.0, "counts": 0, "positions": 0}
    for number, row in enumerate(twin.ROWS):
        for i in range(BOOKS):
            rng = random.Random(10_000 + 1_000 * number + i)
            fund = rng.choice([0.0, 30.0, 200.0, 1000.0])
            venue = twin.make_venue(row, fund)
            book = twin.make_book(rng, venue)
            path = twin.make_path(rng, row["continuous"])
            settings = dict(depth=twin.DEPTHS[row["depth"]], fund=fund, gap=row["gap"], jump_gap=row["jump_gap"])
            result, outcome = twin.run_both(book, venue, path, **settings)
            first, size_ = result.paths.iloc[0], book.open_interest(S0)
            found["books"] += 1
            for kind, names, unit in (("money", twin.MONEY, size_), ("quantity", twin.QUANTITY, size_ / S0)):
                gap = max(abs(first[name] - getattr(outcome, name)) for name in names) / unit
                found[kind] = max(found[kind], gap)
            found["counts"] += sum(first[name] != getattr(outcome, name) for name in twin.COUNTS)
            pairs = (("liquidation_rate", "liquidated"), ("bankruptcy_rate", "bankrupt"), ("adl_rate", "adl_hit"))
            for rate, flag in pairs:
                found["positions"] += int(np.sum((result.positions[rate] == 1) != np.array(getattr(outcome, flag))))
    return found


TWIN = "tests/naive.py, ledger checked at every event"
for _key, _expected, _tolerance, _name in (
    ("books", BOOKS * len(twin.ROWS), 0, "random books compared, over every pair of options"),
    ("money", 0, 1e-9, "largest difference of a money column, of open interest"),
    ("quantity", 0, 1e-9, "largest difference of a quantity column, of open interest"),
    ("counts", 0, 0, "counts and steps that differ"),
    ("positions", 0, 0, "positions liquidated, bankrupt or deleveraged in one alone"),
):
    add(_name, TWIN, _expected, partial(lambda k, tol: exact(twins()[k], tol), _key, _tolerance))
