"""The order book (section 3), the price in time and how a move is ridden (sections 4 and II.7)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from tests.twin.records import Depth, Events, Rules


class OrderBook:
    """The state v and the two prices it makes: the mark and the average fill; `usd` is the depth of the moment."""

    def __init__(self, depth: Depth | None, s0: float):
        self.depth, self.s0, self.v = depth, s0, 0.0
        self.usd = math.inf if depth is None else depth.usd

    def h(self, v: float) -> float:
        if self.depth is None:
            return 0.0
        size = self.depth.width * (abs(v) * self.s0 / self.usd) ** self.depth.exponent
        return math.copysign(min(self.depth.max_displacement, size), v)

    def H(self, v: float) -> float:
        """The integral of h from 0 to v: even, linear beyond the cap."""
        if self.depth is None:
            return 0.0
        d = self.depth
        at_cap = self.usd / self.s0 * (d.max_displacement / d.width) ** (1 / d.exponent)
        inside = min(abs(v), at_cap)
        curved = d.width * (inside * self.s0 / self.usd) ** d.exponent * inside / (d.exponent + 1)
        return curved + d.max_displacement * (abs(v) - inside)

    def pressure(self) -> float:
        """Mark over exogenous price, 1 - k h(v)."""
        return 1.0 if self.depth is None else 1.0 - self.depth.passthrough * self.h(self.v)

    def mark(self, x: float) -> float:
        return x * self.pressure()

    def fill(self, x: float, dv: float) -> float:
        return x * (1.0 - (self.H(self.v + dv) - self.H(self.v)) / dv)

    def recover(self, dt: float) -> None:
        if self.depth is not None:
            self.v *= 2.0 ** (-dt / self.depth.half_life)

    def fall(self, target: float, earlier: float, time: float) -> None:
        """Set the depth for a move to a target; the displacement stays what it was (section 3)."""
        if self.depth is None:
            return
        w = abs(math.log(target / earlier))
        usd = self.depth.usd / (1.0 + (w / self.depth.scale) ** self.depth.power)
        usd *= ([1.0] + [factor for start, factor in self.depth.schedule if start <= time])[-1]
        self.v *= usd / self.usd
        self.usd = usd


Move = tuple[float, float, float]  # low, high and pre_jump of a continuous move


class Course:
    """The exogenous price at every moment of a path: a line in log price through the points of each step, then a jump.

    Each of the three stretches of a step takes time in proportion to its length in log price; equal times where all
    are zero. Times are seconds from the start of the path; at the moment of a jump the price has jumped.
    """

    def __init__(self, close: Sequence[float], moves: Sequence[Move | None], dt: float):
        """`moves[t - 1]` is the move of step t; None: the price stays until the jump."""
        self.close, self.dt = close, dt
        self.points: list[list[float]] = []  # of each step: its start, the two extremes, its end before the jump
        self.times: list[list[float]] = []
        for t, move in enumerate(moves):
            start = close[t]
            low, high, end = (start, start, start) if move is None else move
            points = [start, high, low, end] if end < start else [start, low, high, end]
            lengths = [abs(math.log(b / a)) for a, b in itertools.pairwise(points)]
            total = sum(lengths)
            shares = [length / total for length in lengths] if total > 0 else [1 / 3] * 3
            self.points.append(points)
            self.times.append([t * dt + dt * sum(shares[:k]) for k in range(3)] + [(t + 1) * dt])

    def moment(self, step: int, stretch: int, x: float) -> float:
        """When the price is x on a stretch (0, 1, 2) of a step."""
        times, points = self.times[step - 1], self.points[step - 1]
        a, b = points[stretch], points[stretch + 1]
        share = math.log(x / a) / math.log(b / a)
        return times[stretch] + share * (times[stretch + 1] - times[stretch])

    def price(self, moment: float) -> float:
        """The price of a moment; after the horizon the last price."""
        if moment >= len(self.points) * self.dt:
            return self.close[-1]
        step = int(moment // self.dt)
        times, points = self.times[step], self.points[step]
        for k in range(3):
            if times[k] <= moment < times[k + 1]:
                share = (moment - times[k]) / (times[k + 1] - times[k])
                return points[k] * (points[k + 1] / points[k]) ** share
        raise AssertionError("a moment is in one stretch of its step")


# ------------------------------------------------------------------------------- riding a move (sections 4, II.7)

Late = Callable[[int, float, float], float]  # (side, x or share of the step, y without delay) -> y


class PriceWay:
    """The exogenous price goes from a start to a target and the mark with it; `thin` is what depth looks at."""

    def __init__(self, start: float, target: float, gap: float, late: Late | None):
        self.start, self.source, self.thin, self.gap, self.late = start, target, target, gap, late
        self.begin()

    def begin(self) -> None:
        self.x = self.start

    def meet(self, side: int, direction: int, at: float) -> tuple[float, float]:
        """A position is met where the price, going up or down, is `at`: prices y of its order and of its mark."""
        self.x = max(self.x, at) if direction > 0 else min(self.x, at)
        y = (1 - self.gap) * self.x + self.gap * self.source
        if self.late is not None:
            y = self.late(side, self.x, y)
        return y, y


class MarkWay:
    """The mark's own source goes on its straight line from a to b, of which this is the part to a target.

    The price goes from its start to its end meanwhile. `still` is the share of the step at which all is met if a = b.
    """

    def __init__(
        self,
        a: float,
        b: float,
        target: float,
        prices: tuple[float, float],
        gap: float,
        still: float,
        late: Late | None,
    ):
        self.a, self.b, self.source, self.prices, self.gap, self.still, self.late = (
            a,
            b,
            target,
            prices,
            gap,
            still,
            late,
        )
        self.thin = prices[1]
        self.begin()

    def begin(self) -> None:
        self.mu = self.a

    def meet(self, side: int, direction: int, at: float) -> tuple[float, float]:
        low, high = min(self.a, self.source), max(self.a, self.source)
        self.mu = max(self.mu, at) if direction > 0 else min(self.mu, at)
        self.mu = min(high, max(low, self.mu))
        theta = self.still if self.a == self.b else (self.a - self.mu) / (self.a - self.b)
        before, after = self.prices
        x = before + theta * (after - before)
        if self.late is not None:
            return self.late(side, theta, x), self.mu
        gap = self.gap
        return (1 - gap) * x + gap * after, (1 - gap) * self.mu + gap * self.source


class Marks:
    """The source b_t of the mark, from one step to the next (section II.7)."""

    def __init__(self, rules: Rules, events: Events, s0: float, dt: float):
        self.rules, self.events, self.s0, self.dt = rules, events, s0, dt
        self.source = s0  # b_{t-1}

    def step(self, t: int, price: float) -> tuple[bool, float, float]:
        """Whether the step has its own mark, b_t, and what triggers look at; goes on to b_t."""
        rules, b, time = self.rules, self.source, t * self.dt
        stale = any(begin < time <= end for begin, end in self.events.stale)
        if not stale:
            if rules.mark == "ema":
                assert rules.mark_half_life is not None
                w = 2.0 ** (-self.dt / rules.mark_half_life)
                b = w * b + (1 - w) * price
            elif rules.mark == "clamp":
                assert rules.mark_clamp is not None
                most = rules.mark_clamp * self.dt * b
                b = min(b + most, max(b - most, price))
            else:
                b = price
        self.source = b
        factors = [factor for at, factor in self.events.bad_ticks if time - self.dt <= at < time]
        trigger = max(1e-12 * self.s0, b * factors[-1]) if factors else b
        return rules.mark != "book" or stale or bool(factors), b, trigger
