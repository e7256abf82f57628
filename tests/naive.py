"""The naive twin: the model of docs/model.md again, one path at a time, slow and obvious.

It judges the engine, so it shares no code with it: plain floats, lists and loops, every position looked at
every time, the books of account checked at every event. Section numbers are those of the model page.

Symbols: s side (+1 long, -1 short), q quantity, e entry price, m margin, P a price, M the mark, x the
exogenous price of the moment, y the exogenous price a liquidation is filled from, F fill, B bankruptcy price,
L liquidation price, U unrealised profit, E equity, MM maintenance margin, R residual, D deficit, u what the
fund left unpaid, v what the book has absorbed and not recovered, h(v) its displacement, H(v) its integral.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

LONG, SHORT = 1, -1
RandomScore = Callable[[int, int, int], float]


@dataclass
class Position:
    """One isolated position; `quantity` and `margin` shrink under ADL, `quantity` is 0 once closed."""

    side: int
    quantity: float
    entry_price: float
    margin: float


@dataclass(frozen=True)
class Tier:
    """Maintenance margin `maintenance_rate * n - deduction` for `floor <= n < cap`."""

    floor: float
    cap: float
    max_leverage: float
    maintenance_rate: float
    deduction: float


@dataclass(frozen=True)
class Rules:
    """What the venue does, in the words of `stress.Venue`."""

    tiers: Sequence[Tier]
    tier_basis: str = "notional"
    fee_rate: float = 0.0
    residual: str = "fund"
    policy: str = "queue"
    score: str = "pnl_leverage"
    settlement: str = "profit"
    reserve: float = 0.0
    drawdown: float | None = None
    drawdown_window: float | None = None
    adl_price: str = "bankruptcy"


@dataclass(frozen=True)
class Depth:
    """What the order book absorbs: `usd` of quantity, at the price S_0, displaces it by `width`."""

    usd: float
    width: float = 0.01
    exponent: float = 1.0
    half_life: float = 300.0
    passthrough: float = 1.0
    max_displacement: float = 0.9
    window: float = 900.0
    scale: float = math.inf
    power: float = 1.0
    schedule: Sequence[Sequence[float]] = ()


@dataclass(frozen=True)
class Event:
    """One line of the log.

    liquidation: `price` is the trial fill, `money` the signed residual R (a deficit is negative).
    adl_event: `position` is the losing side, `price` the mark, `quantity` the contracts kept, `money` owed.
    adl: `price` the price the winner is closed at, `money` what it raised or the profit it forwent.
    residual: after an ADL event, `money` nobody paid and `quantity` nobody took.
    """

    step: int
    kind: str
    position: int
    price: float
    quantity: float
    money: float
    fund_after: float
    quantity_left: float


@dataclass
class Outcome:
    """Everything one path left behind; the columns of `result.paths`, then the twin's own."""

    net_loss_peak: float = 0.0
    deficit: float = 0.0
    inflow: float = 0.0
    fund_end: float = 0.0
    depleted: bool = False
    depletion_step: int = -1
    liquidated_count: int = 0
    liquidated_quantity: float = 0.0
    adl_count: int = 0
    adl_quantity: float = 0.0
    adl_usd: float = 0.0
    residual: float = 0.0
    fund_low: float = 0.0
    adl_events: int = 0
    ties: bool = False
    liquidated: list[bool] = field(default_factory=list)
    bankrupt: list[bool] = field(default_factory=list)
    adl_share: list[float] = field(default_factory=list)
    adl_hit: list[bool] = field(default_factory=list)
    eligible: list[bool] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def rounded(value: float) -> float:
    """The nearest number with a 40-bit significand, ties to even."""
    if value == 0.0 or not math.isfinite(value):
        return value
    significand, exponent = math.frexp(value)
    return math.ldexp(round(significand * 2**40), exponent - 40)


# ----------------------------------------------------------------------------------- one position (section 2)


def profit(p: Position, price: float) -> float:
    return p.side * p.quantity * (price - p.entry_price)


def equity(p: Position, price: float) -> float:
    return p.margin + profit(p, price)


def bankruptcy_price(p: Position) -> float:
    return p.entry_price - p.side * p.margin / p.quantity


def leverage(p: Position, price: float) -> float:
    return p.quantity * price / equity(p, price)


def tier_of(p: Position, price: float, rules: Rules) -> Tier:
    """The tier a position is in at a price; the last tier extends to infinity."""
    basis = {
        "notional": p.quantity * price,
        "entry_notional": p.quantity * p.entry_price,
        "quantity": p.quantity,
    }
    return [tier for tier in rules.tiers if tier.floor <= basis[rules.tier_basis]][-1]


def maintenance(p: Position, price: float, rules: Rules) -> float:
    tier = tier_of(p, price, rules)
    notional = p.quantity * (p.entry_price if rules.tier_basis == "entry_notional" else price)
    return tier.maintenance_rate * notional - tier.deduction


def threshold(p: Position, tier: Tier, rules: Rules) -> float:
    """The price at which E = MM with the rate and deduction of one tier."""
    s, q, e, m = p.side, p.quantity, p.entry_price, p.margin
    if rules.tier_basis == "entry_notional":
        return e + s * (tier.maintenance_rate * q * e - tier.deduction - m) / q
    return (q * e - s * (m + tier.deduction)) / (q * (1 - s * tier.maintenance_rate))


def liquidation_price(p: Position, rules: Rules, s0: float, under_margin: str = "error") -> float:
    """The first price, moving adversely from `s0`, at which E <= MM; rounded; infinite if there is none."""
    never = -p.side * math.inf
    if equity(p, s0) <= maintenance(p, s0, rules):
        if under_margin != "liquidate":
            raise ValueError(f"{p} is under its maintenance margin at {s0}")
        return rounded(threshold(p, tier_of(p, s0, rules), rules))

    if rules.tier_basis != "notional":  # the tier does not depend on the price
        price = threshold(p, tier_of(p, s0, rules), rules)
        return rounded(price) if price > 0 else never

    # Each tier is an interval of prices. In it E - MM is monotone: from the end we enter by, the first price
    # that fails is that end itself (MM may jump there) or the threshold of the tier, if it lies inside.
    tiers = list(rules.tiers)
    ends = [(tier.floor / p.quantity, tier.cap / p.quantity, tier) for tier in tiers]
    ends[-1] = (ends[-1][0], math.inf, tiers[-1])
    if p.side == LONG:
        for low, high, tier in reversed(ends):
            if low < s0:
                price = min(threshold(p, tier, rules), s0, high)
                if price >= low and price > 0:
                    return rounded(price)
    else:
        for low, high, tier in ends:
            if high > s0:
                price = max(threshold(p, tier, rules), s0, low)
                if price < high:
                    return rounded(price)
    return never


# --------------------------------------------------------------------------------- the order book (section 3)


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
        """Set the depth for a move to a target; the displacement stays what it was (section 18)."""
        if self.depth is None:
            return
        w = abs(math.log(target / earlier))
        usd = self.depth.usd / (1.0 + (w / self.depth.scale) ** self.depth.power)
        usd *= ([1.0] + [factor for start, factor in self.depth.schedule if start <= time])[-1]
        self.v *= usd / self.usd
        self.usd = usd


# -------------------------------------------------------------------------------------------- ADL (section 7)

SCORES: dict[str, Callable[[Position, float, Rules], float]] = {
    "pnl_leverage": lambda p, M, rules: profit(p, M) / (p.quantity * p.entry_price) * leverage(p, M),
    "binance": lambda p, M, rules: profit(p, M) / max(1.0, p.margin) * maintenance(p, M, rules) / equity(p, M),
    "hyperliquid": lambda p, M, rules: (M / p.entry_price) ** p.side * leverage(p, M),
    "profit": lambda p, M, rules: profit(p, M),
    "size": lambda p, M, rules: p.quantity * M,
}


def profit_size_keys(winners: Sequence[Position], M: float) -> list[tuple[float, float]]:
    """Ten classes by profit share, the most profitable class first, and inside a class by notional."""
    shares = [rounded(profit(p, M) / (p.quantity * p.entry_price)) for p in winners]
    best_first = sorted(range(len(winners)), key=lambda i: -shares[i])
    keys = [(0.0, 0.0)] * len(winners)
    for rank, i in enumerate(best_first):
        keys[i] = (-float(10 * rank // len(winners)), rounded(winners[i].quantity * M))
    return keys


def allocate(policy: str, capacity: Sequence[float], key: Sequence[Any], budget: float) -> list[float]:
    """Share a budget between capacities; `key` is the score (queue) or the leverage (sharing rules)."""
    n = len(capacity)
    amounts = [0.0] * n
    if policy == "queue":
        left = budget
        for i in sorted(range(n), key=lambda i: key[i], reverse=True):  # stable: ties stay in book order
            if left <= 1e-12 * budget:
                break
            amounts[i] = min(capacity[i], left)
            left -= amounts[i]
        return amounts
    if n == 0:
        return amounts

    X = min(budget, sum(capacity))

    def leverage_pro_rata(c: float) -> list[float]:
        return [w * min(1.0, c * lev) for w, lev in zip(capacity, key, strict=True)]

    def leverage_drain(c: float) -> list[float]:
        return [w * max(0.0, 1.0 - c / lev) for w, lev in zip(capacity, key, strict=True)]

    def top_truncation(c: float) -> list[float]:
        return [max(0.0, w - c) for w in capacity]

    if policy == "pro_rata":
        return [X * w / sum(capacity) for w in capacity]
    if policy == "leverage_pro_rata":
        return at_level(leverage_pro_rata, 1.0 / min(key), 0.0, X)
    if policy == "leverage_drain":
        return at_level(leverage_drain, 0.0, max(key), X)
    if policy == "top_truncation":
        return at_level(top_truncation, 0.0, max(capacity), X)
    raise ValueError(f"unknown policy {policy!r}")


def at_level(rule: Callable[[float], list[float]], everything: float, nothing: float, X: float) -> list[float]:
    """The amounts of a rule at the level c where they sum to X, by halving."""
    for _ in range(200):
        middle = (everything + nothing) / 2
        if sum(rule(middle)) >= X:
            everything = middle
        else:
            nothing = middle
    return rule(everything)


# ------------------------------------------------------------------------------------- the ledger (section 8)


class Ledger:
    """Who has what, kept apart from the simulation and checked against it after every event.

    The book holds kept contracts at their trial fills until ADL settles them. The fund's account is its
    balance, or its change if the fund is unlimited.
    """

    def __init__(self, positions: Sequence[Position], s0: float, fund: float, rules: Rules, name: str):
        self.start = [replace(p) for p in positions]
        self.s0, self.rules, self.name = s0, rules, name
        self.fund_start = 0.0 if math.isinf(fund) else fund
        self.trader_cash = [0.0] * len(positions)
        self.fund = self.fund_start
        self.book_cash = 0.0
        self.book_inventory = 0.0
        self.unpaid = 0.0
        self.residual = 0.0
        self.liquidated = {LONG: 0.0, SHORT: 0.0}  # contracts of that side closed by liquidation
        self.adl = {LONG: 0.0, SHORT: 0.0}  # contracts of that side closed as winners
        self.traded = {LONG: 0.0, SHORT: 0.0}  # contracts of that side the book took for good, rest aside
        self.kept = {LONG: 0.0, SHORT: 0.0}  # contracts of that side waiting for ADL
        self.rest = {LONG: 0.0, SHORT: 0.0}  # kept contracts no winner took
        self.gone = [False] * len(positions)
        self.seen = [p.quantity for p in positions]

    def book_takes(self, side: int, quantity: float, price: float) -> None:
        self.book_cash -= side * quantity * price
        self.book_inventory += side * quantity

    def liquidation(
        self, i: int, q: float, fill: float, kept: float, to_trader: float, to_fund: float, unpaid: float
    ) -> None:
        """`to_fund` is negative when the fund pays."""
        side = self.start[i].side
        self.require(not self.gone[i], f"position {i} was liquidated twice")
        self.gone[i] = True
        self.trader_cash[i] += to_trader
        self.fund += to_fund
        self.unpaid += unpaid
        self.book_takes(side, q, fill)
        self.liquidated[side] += q
        self.kept[side] += kept
        self.traded[side] += q - kept

    def winner(self, i: int, quantity: float, to_trader: float) -> None:
        """A winner's contracts are closed, against kept contracts or (see `raised`) by the book."""
        self.trader_cash[i] += to_trader
        self.adl[self.start[i].side] += quantity

    def raised(self, i: int, quantity: float, mark: float, money: float, gain: float, owned: float) -> None:
        """The book took a winner's contracts and their profit paid losses (settlement `profit`).

        `gain` and `owned` are profit and equity of what was closed: nobody pays more than either.
        """
        for most in (gain, owned):
            self.require(money <= most + 1e-12 * gain, f"position {i} pays {money!r} out of {most!r}")
        self.book_takes(self.start[i].side, quantity, mark)
        self.traded[self.start[i].side] += quantity
        self.unpaid -= money

    def settle_kept(self, side: int, fill: float, kept: float, taken: float, rest: float, paid: float) -> None:
        """Winners took `taken` of the kept contracts; the book gives them back at their mean fill."""
        self.book_takes(side, -taken, fill)
        self.unpaid -= paid
        self.kept[side] -= kept
        self.rest[side] += rest

    def give_up(self, money: float) -> None:
        self.unpaid -= money
        self.residual += money

    def require(self, holds: bool, message: str) -> None:
        assert holds, f"{self.name}: {message}"

    def equal(self, a: float, b: float, scale: float, what: str) -> None:
        self.require(abs(a - b) <= 1e-9 * scale, f"{what}: {a!r} is not {b!r}")

    def check(self, positions: Sequence[Position], x: float, when: str) -> None:
        for i, p in enumerate(positions):
            self.require(0.0 <= p.quantity <= self.seen[i], f"position {i} grew to {p.quantity!r} {when}")
            self.require(p.quantity == 0 or not self.gone[i], f"liquidated position {i} is open {when}")
            self.seen[i] = p.quantity

        contracts = sum(p.quantity for p in self.start)
        for side in (LONG, SHORT):
            left = sum(p.quantity for p in self.start if p.side == side)
            left -= sum(p.quantity for p in positions if p.side == side)
            self.equal(left, self.liquidated[side] + self.adl[side], contracts, f"contracts posted {when}")
            if self.rules.settlement == "profit":
                self.equal(left, self.traded[side], contracts, f"contracts traded {when}")
            else:
                went = self.traded[side] + self.adl[-side] + self.rest[side] + self.kept[side]
                self.equal(self.liquidated[side], went, contracts, f"contracts closed and settled {when}")

        for price in (self.s0, x):
            before = self.fund_start + sum(equity(p, price) for p in self.start)
            after = sum(self.trader_cash) + sum(equity(p, price) for p in positions) + self.fund
            after += self.book_cash + self.book_inventory * price - (self.unpaid + self.residual)
            scale = contracts * max(self.s0, price) + self.fund_start
            self.equal(before, after, scale, f"money at the mark {price!r} {when}")


# -------------------------------------------------------------------------------- the price in time (section 21)

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


# --------------------------------------------------------------------------------- one path (sections 4 to 7)


@dataclass(frozen=True)
class Unpaid:
    """A liquidation the fund did not cover: money, contracts kept, and their two prices."""

    money: float
    kept: float
    bankruptcy: float
    fill: float


@dataclass
class Design:
    """One path with one fund; `positions` are its own copies and change."""

    positions: list[Position]
    rules: Rules
    s0: float
    depth: Depth | None
    fund: float
    dt: float
    gap: float
    jump_gap: float
    under_margin: str
    random_score: RandomScore | None
    check: bool
    name: str
    delay: float = 0.0
    course: Course | None = None

    def __post_init__(self) -> None:
        n = len(self.positions)
        self.start_quantity = [p.quantity for p in self.positions]
        self.B = [bankruptcy_price(p) for p in self.positions]
        self.L = [liquidation_price(p, self.rules, self.s0, self.under_margin) for p in self.positions]
        self.book = OrderBook(self.depth, self.s0)
        self.ledger = Ledger(self.positions, self.s0, self.fund, self.rules, self.name)
        self.fund_start = self.fund
        self.balances = [self.fund]  # b_j, at the end of step j
        self.floor = self.rules.reserve
        self.previous_mark = self.s0
        self.prices = [self.s0]  # exogenous, at the end of step j
        self.step = 0
        self.out = Outcome(fund_low=self.fund, liquidated=[False] * n, bankrupt=[False] * n)
        self.out.adl_share, self.out.adl_hit, self.out.eligible = [0.0] * n, [False] * n, [False] * n
        levels = [(p.side, L) for p, L in zip(self.positions, self.L, strict=True) if math.isfinite(L)]
        self.out.ties = len(set(levels)) < len(levels)

    def move_fund(self, money: float) -> None:
        self.fund += money
        self.out.fund_low = min(self.out.fund_low, self.fund)

    def log(self, kind: str, i: int, price: float, quantity: float, money: float, left: float = 0.0) -> None:
        self.out.events.append(Event(self.step, kind, i, price, quantity, money, self.fund, left))

    def audit(self, x: float, when: str) -> None:
        if self.check:
            self.ledger.check(self.positions, x, f"{when} at step {self.step}")

    def floor_of_step(self) -> float:
        """What ADL rules keep the fund from falling under in this step (section 6)."""
        if self.rules.drawdown is None or math.isinf(self.fund_start):
            return self.rules.reserve
        window = math.inf if self.rules.drawdown_window is None else self.rules.drawdown_window
        t = self.step
        seen = [b for j, b in enumerate(self.balances) if (t - 1 - j) * self.dt <= window]
        return max(self.rules.reserve, (1 - self.rules.drawdown) * max(seen))

    def next_triggered(self, side: int, target: float) -> int | None:
        """The open position of the side that goes first, if the mark at the target meets its L."""
        still_open = [i for i, p in enumerate(self.positions) if p.side == side and p.quantity > 0]
        if not still_open:
            return None
        i = min(still_open, key=lambda i: (-side * self.L[i], i))
        return i if side * (self.book.mark(target) - self.L[i]) <= 0 else None

    def late_price(self, side: int, stretch: int | None, x: float, start: float, at_share: float) -> float:
        """The price `delay` seconds after a position was met at x (section 21).

        On a stretch: after the moment at which the price is x there, or after its start for a position that was past
        its L already. In a jump (None): the worse of that and of `at_share`, the price that its gap gives.
        """
        assert self.course is not None
        if stretch is None:
            later = self.course.price(self.step * self.dt + self.delay)
            return min(at_share, later) if side == LONG else max(at_share, later)
        moment = self.course.times[self.step - 1][stretch]
        if x != start:
            moment = self.course.moment(self.step, stretch, x)
        return self.course.price(moment + self.delay)

    def price_before(self) -> float:
        """Exogenous price at the start of the step of `window` seconds ago (section 18)."""
        steps = 0 if self.depth is None else math.floor(self.depth.window / self.dt + 1e-9)
        return self.prices[max(0, self.step - 1 - steps)]

    def work(self, side: int, start: float, target: float, gap: float, stretch: int | None) -> None:
        """Work one side from a start to a target, then ADL if anything was left unpaid (section 4)."""
        self.book.fall(target, self.price_before(), (self.step - 1) * self.dt)
        x = y = start
        unpaid: list[Unpaid] = []
        while (i := self.next_triggered(side, target)) is not None:
            met_at = self.L[i] / self.book.pressure()
            x = min(x, met_at) if side == LONG else max(x, met_at)
            y = (1 - gap) * x + gap * target
            if self.delay > 0:
                y = self.late_price(side, stretch, x, start, y)
            unpaid += self.liquidate(i, y)
        if unpaid:
            self.auto_deleverage(side, unpaid, y)

    def liquidate(self, i: int, y: float) -> list[Unpaid]:
        """Liquidate one position from the price y; at most one thing is left unpaid (section 5)."""
        p, rules, out, B = self.positions[i], self.rules, self.out, self.B[i]
        s, q, e = p.side, p.quantity, p.entry_price
        F = self.book.fill(y, s * q)
        R = s * q * (F - B)
        if abs(R) <= 1e-11 * q * (e + F):
            R = 0.0

        to_fund = to_trader = u = kept = 0.0
        if R >= 0:
            fee = min(R, rules.fee_rate * q * F)
            if rules.residual == "fund":
                to_fund = R
            else:
                to_fund, to_trader = fee, R - fee
            out.inflow += to_fund
        else:
            D = -R
            paid = min(D, max(0.0, self.fund - self.floor))
            u = D - paid
            if u <= 1e-12 * (q * e + (0.0 if math.isinf(self.fund_start) else self.fund_start)):
                paid, u = D, 0.0
            to_fund = -paid
            if rules.settlement == "bankruptcy":
                kept = u / D * q
            out.deficit += D
            out.bankrupt[i] = True
            if u > 0 and not out.depleted:
                out.depleted, out.depletion_step = True, self.step

        p.quantity = p.margin = 0.0
        self.book.v += s * (q - kept)
        self.move_fund(to_fund)
        out.liquidated[i] = True
        out.liquidated_quantity += q
        out.net_loss_peak = max(out.net_loss_peak, out.deficit - out.inflow)
        self.ledger.liquidation(i, q, F, kept, to_trader, to_fund, u)
        self.log("liquidation", i, F, q, R)
        self.audit(y, f"after the liquidation of {i}")
        return [Unpaid(u, kept, B, F)] if u > 0 else []

    def keys(self, winners: Sequence[int], M: float, losing_side: int) -> Sequence[Any]:
        """What `allocate` compares or weighs by; notes ties in a queue."""
        live = [self.positions[i] for i in winners]
        if self.rules.policy != "queue":
            return [leverage(p, M) for p in live]
        keys: Sequence[Any]
        if self.rules.score == "profit_size":
            keys = profit_size_keys(live, M)
            shares = [rounded(profit(p, M) / (p.quantity * p.entry_price)) for p in live]
            self.out.ties |= len(set(shares)) < len(shares)
        elif self.rules.score == "random":
            assert self.random_score is not None, "the random score needs random_score"
            keys = [rounded(self.random_score(self.step, losing_side, i)) for i in winners]
        else:
            keys = [rounded(SCORES[self.rules.score](p, M, self.rules)) for p in live]
        self.out.ties |= len(set(keys)) < len(keys)
        return keys

    def auto_deleverage(self, losing_side: int, unpaid: Sequence[Unpaid], y: float) -> None:
        """Let the winners of the other side pay (section 7)."""
        rules, out, ledger = self.rules, self.out, self.ledger
        in_money = rules.settlement == "profit"
        M = self.book.mark(y)
        owed = sum(item.money for item in unpaid)
        kept = sum(item.kept for item in unpaid)
        out.adl_events += 1
        self.log("adl_event", losing_side, M, kept, owed)

        across = [i for i, p in enumerate(self.positions) if p.side == -losing_side and p.quantity > 0]
        winners = [i for i in across if profit(self.positions[i], M) > 0]
        for i in winners:
            out.eligible[i] = True
        winners = [i for i in winners if equity(self.positions[i], M) > 0]  # a profit may be owed already: margin < 0
        live = [self.positions[i] for i in winners]
        capacity = [min(profit(p, M), equity(p, M)) if in_money else p.quantity for p in live]
        budget = owed if in_money else kept
        amounts = allocate(rules.policy, capacity, self.keys(winners, M, losing_side), budget)

        bankruptcy = math.nan if in_money else sum(item.kept * item.bankruptcy for item in unpaid) / kept
        price = {"bankruptcy": bankruptcy, "mark": M, "previous_mark": self.previous_mark}[rules.adl_price]
        taken = 0.0
        for i, p, w, amount in zip(winners, live, capacity, amounts, strict=True):
            if amount <= 0:
                continue
            share = 1.0 if amount / w >= 1 - 1e-12 else amount / w
            closed, released = share * p.quantity, share * p.margin
            if in_money:
                # The closed share of the profit pays; a share rounded up to 1 hands the trader what is over.
                money = amount
                ledger.raised(i, closed, M, amount, share * profit(p, M), share * equity(p, M))
                ledger.winner(i, closed, released + (share * profit(p, M) - amount))
                self.book.v += p.side * closed
            else:
                money = p.side * closed * (M - price)
                ledger.winner(i, closed, released + p.side * closed * (price - p.entry_price))
            taken += closed
            p.quantity = 0.0 if share == 1.0 else p.quantity - closed
            p.margin = 0.0 if share == 1.0 else p.margin - released
            out.adl_hit[i] = True
            out.adl_share[i] += closed / self.start_quantity[i]
            out.adl_quantity += closed
            out.adl_usd += money
            self.log("adl", i, M if in_money else price, closed, money, p.quantity)
            if in_money:
                self.audit(y, f"after the ADL of {i}")

        unfilled = budget - (sum(amounts) if in_money else taken)
        if rules.policy != "queue":  # the amounts of a sharing rule add up by definition; what is missing is rounding
            unfilled = max(0.0, budget - sum(capacity))
        if unfilled <= 1e-12 * budget:
            unfilled = 0.0
        left = unfilled if in_money else unfilled / kept * owed
        ledger.give_up(left)
        out.residual += left
        if not in_money:
            fill = sum(item.kept * item.fill for item in unpaid) / kept
            ledger.settle_kept(losing_side, fill, kept, taken, unfilled, owed - left)
            self.book.v += losing_side * unfilled
            # Closed at another price than the bankruptcy price: the difference is the bankrupt's side's. The fund
            # takes a gain; it pays a loss down to its reserve, and what it cannot pay is residual.
            difference = losing_side * taken * (price - bankruptcy)
            if difference > 0:
                self.move_fund(difference)
                out.inflow += difference
                ledger.fund += difference
            else:
                paid = min(-difference, max(0.0, self.fund - self.rules.reserve))
                self.move_fund(-paid)
                ledger.fund -= paid
                ledger.residual += -difference - paid
                out.residual += -difference - paid
        if left > 0:
            self.log("residual", losing_side, M, 0.0 if in_money else unfilled, left)
        self.audit(y, "after ADL")

    def take_step(self, start: float, move: Move | None, end: float) -> None:
        """One step, in the order of section 4; `move` is (low, high, pre_jump) of its continuous move."""
        self.step += 1
        self.book.recover(self.dt)
        self.floor = self.floor_of_step()

        if move is not None:
            low, high, pre_jump = move
            assert low <= min(start, pre_jump) <= max(start, pre_jump) <= high, "low <= both ends <= high"
            target = {LONG: low, SHORT: high}
            for stretch, side in enumerate((SHORT, LONG) if pre_jump < start else (LONG, SHORT)):
                self.work(side, start, target[side], self.gap, stretch)
            start = pre_jump

        order = (LONG, SHORT) if end < start else (SHORT, LONG)
        while True:
            for side in order:
                self.work(side, start, end, self.jump_gap, None)
            if all(self.next_triggered(side, end) is None for side in order):
                break

        self.balances.append(self.fund)
        self.prices.append(end)
        self.previous_mark = self.book.mark(end)

    def finish(self, x: float) -> Outcome:
        self.audit(x, "at the end")
        out, ledger = self.out, self.ledger
        if self.check:
            scale = sum(p.quantity for p in ledger.start) * self.s0 + ledger.fund_start
            ledger.equal(ledger.unpaid, 0.0, scale, "money neither raised nor given up")
            ledger.equal(ledger.residual, out.residual, scale, "residual")
            if math.isfinite(self.fund):
                ledger.equal(ledger.fund, self.fund, scale, "the fund's balance")
        out.fund_end = self.fund
        out.liquidated_count = sum(out.liquidated)
        out.adl_count = sum(out.adl_hit)
        return out


def simulate(
    positions: Sequence[Position],
    rules: Rules,
    close: Sequence[float],
    low: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
    pre_jump: Sequence[float] | None = None,
    *,
    dt: float = 60.0,
    depth: Depth | None = None,
    fund: float = 0.0,
    gap: float = 0.0,
    jump_gap: float = 1.0,
    delay: float = 0.0,
    seed: int = 0,
    path: int = 0,
    random_score: RandomScore | None = None,
    under_margin: str = "error",
    check: bool = True,
) -> Outcome:
    """Simulate one path.

    Parameters
    ----------
    close : sequence of float
        S_0..S_T. `low`, `high` and `pre_jump` have the same length and entry 0 is not used; with low and
        high a step is a continuous move to pre_jump (default: close) and a jump to close, else it is a jump.
    fund : float
        Starting balance, at least the reserve; `math.inf` is unlimited.
    delay : float
        Seconds from trigger to fill (section 21), instead of `gap`; 0 is `gap = 0`.
    seed, path : int
        Name the path in a failed ledger check; nothing here is random.
    random_score : callable, optional
        (step, losing side, position) -> float, for the score `random`.
    check : bool
        Check the ledger at every event.
    """
    assert fund >= rules.reserve, "the fund starts at or above its reserve"

    assert delay == 0 or gap == 0, "delay and gap exclude each other"
    moves: list[Move | None] = [None] * (len(close) - 1)
    if low is not None and high is not None:
        moves = [
            (low[t], high[t], close[t] if pre_jump is None else pre_jump[t]) for t in range(1, len(close))
        ]  # fmt: skip
    course = Course(close, moves, dt)

    def run(balance: float) -> Outcome:
        name = f"seed {seed}, path {path}, fund {balance}"
        one = Design(
            [replace(p) for p in positions], rules, close[0], depth, balance,
            dt, gap, jump_gap, under_margin, random_score, check, name, delay, course,
        )  # fmt: skip
        for t in range(1, len(close)):
            one.take_step(close[t - 1], moves[t - 1], close[t])
        return one.finish(close[-1])

    out = run(fund)
    if math.isfinite(fund):
        out.net_loss_peak = run(math.inf).net_loss_peak
    return out
