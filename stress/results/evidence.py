"""What an estimate from weighted paths rests on, and from when on it is not shown.

| measure | is | flagged |
|---|---|---|
| effective hits | p^2 / v: hits of a plain run whose rare event has this relative error | below 100 |
| thin share | share of the estimate from strata with fewer than 5 hits | above 10 % |
| ordinary hits | hits among the paths that are drawn as a plain run draws them (`Weights.ordinary`) | |
| largest share | of the estimate, of one path | |

Below 10 effective hits (a relative error of a third) the value is withheld: bounds alone are shown. Coverage of the
intervals holds below it too; what the number is for is in docs/estimators.md, section Strata. The mean weight, an index
of the tail of the weights, and the number of hits itself are not here: they did not tell a sampler that misses a side
from one that does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stress import formatting
from stress.results.weights import Weights

FLAGGED_HITS = 100.0  # effective hits below which an estimate is flagged
THIN_HITS = 5  # hits of a stratum, below which what it carries is thin
THIN_SHARE = 0.1  # of an estimate, above which it is flagged
LEAST_HITS = 10.0  # effective hits below which the value is withheld


@dataclass(frozen=True)
class Evidence:
    """What an estimate rests on.

    Attributes
    ----------
    effective : float
        Effective hits, estimate^2 / variance; 0 without a hit.
    thin : float
        Share of the estimate from strata with fewer than 5 hits, 0 to 1; 1 without a hit.
    ordinary_hits, ordinary : int
        Hits among the ordinary paths, and how many of these there are; without strata 0 of 0.
    largest : float
        Largest share of the estimate that one path has, 0 to 1.
    """

    effective: float
    thin: float
    ordinary_hits: int
    ordinary: int
    largest: float

    @classmethod
    def of(cls, values: np.ndarray, weights: Weights, variance: float | None = None) -> Evidence:
        """Of a sum over paths of values that are not below 0 and have their weights already.

        Parameters
        ----------
        values : float64[n]
            0 on paths without a hit.
        weights : Weights
        variance : float, optional
            Of their mean; by default from the spread within strata.
        """
        hit, total = values > 0, float(np.sum(values))
        mask = weights.ordinary
        ordinary = (0, 0) if mask is None else (int((hit & mask).sum()), int(mask.sum()))
        if total <= 0:
            return cls(0.0, 1.0, *ordinary, 0.0)
        v = weights.variance(values) if variance is None else variance
        value = total / weights.size
        per = np.bincount(weights.group, hit)
        thin = float(np.bincount(weights.group, values)[per < THIN_HITS].sum()) / total
        return cls(value**2 / v if v > 0 else float("inf"), thin, *ordinary, float(values.max()) / total)

    @property
    def is_flagged(self) -> bool:
        """Whether the estimate rests on little."""
        return self.effective < FLAGGED_HITS or self.thin > THIN_SHARE

    @property
    def is_withheld(self) -> bool:
        """Whether the value rests on too little to be shown; without any hit there is nothing to withhold."""
        return 0 < self.effective < LEAST_HITS

    @property
    def flag(self) -> str:
        """In a few words what is weak, such as "38 effective hits, 0 of 9,980 ordinary paths"; "" where nothing is."""
        if not self.is_flagged:
            return ""
        found = []
        if self.effective < FLAGGED_HITS:
            found.append(effective_words(self.effective))
        if self.thin > THIN_SHARE and self.effective > 0:
            found.append(f"{formatting.percent(self.thin, 2)} of it from strata with fewer than {THIN_HITS} hits")
        if self.ordinary and not self.ordinary_hits:
            found.append(self.ordinary_words)
        return ", ".join(found)

    @property
    def ordinary_words(self) -> str:
        """Such as "0 of 9,980 ordinary paths"; "" without strata."""
        return f"{self.ordinary_hits:,} of {self.ordinary:,} ordinary paths" if self.ordinary else ""

    @property
    def words(self) -> str:
        """All of it in a sentence, for a report or a message."""
        found = [
            effective_words(self.effective),
            f"{formatting.percent(self.thin, 2)} from strata with fewer than {THIN_HITS} hits",
            self.ordinary_words,
            f"at most {formatting.percent(self.largest, 2)} from one path",
        ]
        return ", ".join(text for text in found if text)


def effective_words(hits: float) -> str:
    """How many effective hits, in words."""
    if not np.isfinite(hits):
        return "no spread"
    return f"{formatting.significant(hits, 2) if hits < 100 else format(round(hits), ',')} effective hits"
