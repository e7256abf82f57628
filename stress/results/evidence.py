"""What an estimate from weighted paths rests on, and from when on it is not shown.

| measure | is | flagged |
|---|---|---|
| effective hits | p^2 / v: hits of a plain run whose rare event has this relative error | below 100 |
| thin share | share of the estimate from strata with fewer than 5 hits | above 10 % |
| ordinary hits | hits among the paths that are drawn as a plain run draws them (`Weights.ordinary`) | |
| largest share | of the estimate, of one path | |
| blind share | see below | above 5 % |

A stratum is blind at a probability p if one path of it would weigh more than p / 20: what it holds of the tail is then
likely not seen, and no spread tells. None is blind at p' = 20 M / n, with M the largest weight. So below 10 M / n it is
asked there, on the same severity of paths: how much of the estimate of p' comes from strata that are as common for p'
as the blind ones are for p (with c the probability of the lightest blind stratum and of all lighter ones, those from c
p' / p on)? If rarity carries the tail, as it should, that is nothing or little. If a way to be rare is missing among
the coordinates of the price model, it is the share of that way. With fewer than some 4,000 paths p' is above 1 % and no
rare event yet: then it is not asked.

Below 10 effective hits (a relative error of a third), and above a blind share of 10 %, the value is withheld: bounds
alone are shown, and what strata without a hit may have is added to the upper one. How often what is shown
is right is in docs/estimators.md, section Strata. The mean weight, an index of the tail of the weights, and the number
of hits itself are not here: they did not tell a sampler that misses a side from one that does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stress import formatting
from stress.results.weighted_tail import Answer, unseen
from stress.results.weights import Weights

FLAGGED_HITS = 100.0  # effective hits below which an estimate is flagged
THIN_HITS = 5  # hits of a stratum, below which what it carries is thin
THIN_SHARE = 0.1  # of an estimate, above which it is flagged
BLIND_SHARE = 0.05  # above which an estimate is flagged
MOST_BLIND = 0.1  # above which the value is withheld
SEEN = 20.0  # heaviest paths that make the probability at which all strata are seen
RARE = 0.01  # probability up to which rarity is expected to carry a tail, so that what else does is a sign
ENOUGH = 10.0  # heaviest paths that make a probability whose interval knows by itself how little it has seen
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
    blind : float
        Share at the probability `seen_at` of strata that are as common there as the blind ones are here, 0 to 1; 0
        where no stratum is blind or the severity of paths is not known.
    seen_at : float
        A probability; 0 where `blind` was not looked for.
    """

    effective: float
    thin: float
    ordinary_hits: int
    ordinary: int
    largest: float
    blind: float = 0.0
    seen_at: float = 0.0  # not nan, which from Python 3.13 on equals no other one

    @classmethod
    def of(
        cls, values: np.ndarray, weights: Weights, variance: float | None = None, severity: np.ndarray | None = None
    ) -> Evidence:
        """Of a sum over paths of values that are not below 0 and have their weights already.

        Parameters
        ----------
        values : float64[n]
            0 on paths without a hit.
        weights : Weights
        variance : float, optional
            Of their mean; by default from the spread within strata.
        severity : float64[n], optional
            What a path has a hit by if it is large enough, such as the fund that it needs.
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
        found = value**2 / v if v > 0 else math.inf, thin, *ordinary, float(values.max()) / total
        if severity is None or weights.stratum is None:
            return cls(*found)
        share = Blindness(severity, weights)
        return cls(*found, share.at(float(np.sum(weights.value[hit])) / weights.size), share.seen_at)

    @property
    def is_flagged(self) -> bool:
        """Whether the estimate rests on little; that nothing is seen says itself."""
        if self.effective == 0:
            return False
        return self.effective < FLAGGED_HITS or self.thin > THIN_SHARE or self.blind > BLIND_SHARE

    @property
    def is_withheld(self) -> bool:
        """Whether the value rests on too little to be shown; without any hit there is nothing to withhold."""
        return 0 < self.effective < LEAST_HITS or self.is_blind

    @property
    def is_blind(self) -> bool:
        """Whether it is withheld since strata that are not seen may hold a part of the tail."""
        return self.blind > MOST_BLIND

    @property
    def reason(self) -> str:
        """Why the value is withheld, "" where it is not."""
        if not self.is_withheld:
            return ""
        return self.blind_words if self.is_blind else effective_words(self.effective)

    @property
    def blind_words(self) -> str:
        """What the blind share says."""
        at = formatting.percent(self.seen_at, 2)
        return f"{formatting.percent(self.blind, 2)} of what is seen at {at} comes from paths without a rare event"

    @property
    def flag(self) -> str:
        """In a few words what is weak, such as "38 effective hits, 0 of 9,980 ordinary paths"; "" where nothing is."""
        if not self.is_flagged:
            return ""
        found = []
        if self.effective < FLAGGED_HITS:
            found.append(effective_words(self.effective))
        if self.thin > THIN_SHARE:
            found.append(f"{formatting.percent(self.thin, 2)} of it from strata with fewer than {THIN_HITS} hits")
        if self.blind > BLIND_SHARE:
            found.append(self.blind_words)
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


class Blindness:
    """The blind share of events of the same severity of paths; see the description of the module.

    Parameters
    ----------
    severity : float64[n]
        What a path has an event by if it is large enough.
    weights : Weights
        With strata.
    """

    def __init__(self, severity: np.ndarray, weights: Weights):
        self.weights, n = weights, weights.size
        severe = -np.asarray(severity, float)
        order = np.argsort(severe, kind="stable")
        below = np.cumsum(weights.value[order]) / n
        last = int(np.searchsorted(below, SEEN * weights.largest / n * (1 + 1e-9), side="right"))
        if SEEN * weights.largest / n > RARE:  # too few paths: where all strata are seen nothing is rare yet
            last = 0
        if last < n:  # paths of the same severity are beyond the level together, or not at all
            last = int(np.searchsorted(severe[order], severe[order[last]], side="left"))
        self.seen_at = float(below[last - 1]) if last else 0.0
        self._held = np.bincount(weights.group[order[:last]], weights.value[order[:last]], weights.paths.size)

    def at(self, p: float) -> float:
        """The blind share of an event of probability p, above 0; 0 where p is not rare.

        It is 0 too where hardly a path is less severe than the event, so that none says anything.
        """
        w = self.weights
        if self.seen_at < SEEN / ENOUGH * p * (1 - 1e-9):
            return 0.0
        blind = (w.heaviest > p * w.size / SEEN) & (w.paths > 0)
        common = w.commonness >= float(w.commonness[blind].min()) * self.seen_at / p * (1 - 1e-9)
        return float(self._held[common].sum()) / (self.seen_at * w.size)


def withhold(
    answer: Answer, weights: Weights, severity: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities of a curve and the ends of their intervals, without the values that rest on too little.

    Parameters
    ----------
    answer : (p, se, low, high), float64[k] each
        Of a `WeightedTail`.
    weights : Weights
    severity : float64[n], optional
        Whose tail it is, where a missing coordinate would show in it.

    Returns
    -------
    p, low, high : float64[k]
        Where a value is withheld p is nan, low 0, and high the bound.
    """
    p, se, low, high = answer
    if weights.stratum is None:
        return p, low, high
    few = (p > 0) & (p**2 < LEAST_HITS * se**2)
    blind = np.zeros(p.shape, bool)
    if severity is not None:
        share = Blindness(severity, weights)
        blind = np.array([x > 0 and share.at(float(x)) > MOST_BLIND for x in p], bool)
    out = few | blind
    high = np.where(out, np.minimum(1.0, high + unseen(weights.largest, weights.size)), high)
    return np.where(out, np.nan, p), np.where(out, 0.0, low), high


def of_tail(inside: np.ndarray, weights: Weights | None, severity: np.ndarray | None = None) -> Evidence | None:
    """What a mean over these paths, by their numbers, rests on; None where paths have no weights.

    `severity`, float64[n], is what paths are of the tail by.
    """
    if weights is None:
        return None
    hits = np.zeros(weights.size)
    hits[inside] = weights.value[inside]
    return Evidence.of(hits, weights, None, severity)


def is_withheld(event: np.ndarray, weights: Weights | None) -> bool:
    """Whether paths from strata that have an event, bool[n], are too few to tell what they are like."""
    found = None if weights is None or weights.stratum is None else of_tail(np.flatnonzero(event), weights)
    return found is not None and found.is_withheld


def tail_lacks(alpha: float, evidence: Evidence | None, weights: Weights | None, n: int) -> tuple[str, float] | None:
    """What a tail of weight alpha of n paths would have to be, and what it is, where it holds too few; else None.

    At least one path, or of paths from strata `LEAST_HITS` effective hits, and no blind strata.
    """
    if evidence is None or weights is None or weights.stratum is None:
        return (f"a tail of one path or more, 1 / {n:,} at least", alpha) if alpha * n < 1 else None
    if evidence.effective < LEAST_HITS:
        return f"a tail of {LEAST_HITS:g} effective hits or more", round(evidence.effective, 1)
    return (f"a tail whose paths a rare event makes ({evidence.blind_words})", alpha) if evidence.is_blind else None


def effective_words(hits: float) -> str:
    """How many effective hits, in words."""
    if not math.isfinite(hits):
        return "no spread"
    return f"{formatting.significant(hits, 2) if hits < 100 else format(round(hits), ',')} effective hits"
