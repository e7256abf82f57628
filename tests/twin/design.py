"""The steps of a path, in the order of sections 4 and II.1, and a run of one path."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tests.twin.deleverage import Deleverage
from tests.twin.market import Course, Late, MarkWay, Move, PriceWay
from tests.twin.records import (
    LONG,
    SHORT,
    Depth,
    Events,
    Funding,
    Layer,
    Outcome,
    Position,
    RandomScore,
    Rules,
)
from tests.twin.state import Unpaid

Way = PriceWay | MarkWay


class Design(Deleverage):
    """One path with one fund."""

    # ------------------------------------------------------------------------------------------------- late orders

    def late_price(self, side: int, stretch: int | None, x: float, start: float, at_share: float) -> float:
        """The price `delay` seconds after a position was met at x (section 4).

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

    def price_way(self, start: float, target: float, gap: float, stretch: int | None) -> PriceWay:
        late: Late = lambda side, x, y: self.late_price(side, stretch, x, start, y)  # noqa: E731
        return PriceWay(start, target, gap, late if self.delay > 0 else None)

    def late_in_step(self, side: int, theta: float, x: float) -> float:
        """The price `delay` seconds after a moment, given as a share of the step, at which the mark met a position."""
        assert self.course is not None
        return self.course.price((self.step - 1 + theta) * self.dt + self.delay)

    # ------------------------------------------------------------------------------------------- working one side

    def price_before(self) -> float:
        """Exogenous price at the start of the step of `window` seconds ago (section 3)."""
        steps = 0 if self.depth is None else math.floor(self.depth.window / self.dt + 1e-9)
        return self.prices[max(0, self.step - 1 - steps)]

    def set_depth(self, target: float) -> None:
        self.book.fall(target, self.price_before(), (self.step - 1) * self.dt)

    def work(self, side: int, way: Way) -> None:
        """Work one side on a way, then ADL if anything was left unpaid; then take-profits of the other side."""
        self.set_depth(way.thin)
        y = source = way.source
        unpaid: list[Unpaid] = []
        way.begin()
        while (met := self.next_triggered(side, way.source)) is not None:
            i, how, level = met
            y, source = way.meet(side, -side, level / self.book.pressure())
            unpaid += self.meet(i, how, y, source)
        if unpaid:
            self.auto_deleverage(side, unpaid, y, source)

        unpaid = []
        way.begin()
        while (profit := self.next_take_profit(-side, way.source)) is not None:
            i, level = profit
            y, source = way.meet(-side, -side, level / self.book.pressure())
            unpaid += self.close(i, "take_profit", y, self.mark(source))
        if unpaid:
            self.auto_deleverage(-side, unpaid, y, source)

    def is_any_met(self, source: float) -> bool:
        sides = (LONG, SHORT)
        met = any(self.next_triggered(side, source) is not None for side in sides)
        return met or any(self.next_take_profit(side, source) is not None for side in sides)

    def ride_price(self, start: float, move: Move | None, end: float) -> None:
        """Section 4: a continuous move, if there is one, then a jump."""
        if move is not None:
            low, high, pre_jump = move
            assert low <= min(start, pre_jump) <= max(start, pre_jump) <= high, "low <= both ends <= high"
            target = {LONG: low, SHORT: high}
            for stretch, side in enumerate((SHORT, LONG) if pre_jump < start else (LONG, SHORT)):
                self.work(side, self.price_way(start, target[side], self.gap, stretch))
            start = pre_jump
        order = (LONG, SHORT) if end < start else (SHORT, LONG)
        while True:
            for side in order:
                self.work(side, self.price_way(start, end, self.jump_gap, None))
            if not self.is_any_met(end):
                break

    def ride_mark(self, start: float, has_move: bool, end: float, a: float, b: float) -> None:
        """Section II.7: the mark's source goes from a to b while the price goes from start to end."""
        late = self.late_in_step if self.delay > 0 else None
        gap = self.gap if has_move else self.jump_gap
        order = (LONG, SHORT) if b < a else (SHORT, LONG)
        for side in order:
            target = min(a, b) if side == LONG else max(a, b)
            self.work(side, MarkWay(a, b, target, (start, end), gap, 0.0, late))
        while self.is_any_met(b):
            for side in order:
                self.work(side, MarkWay(b, b, b, (start, end), gap, 1.0, late))

    # ------------------------------------------------------------------------------------------------ before the moves

    def pay_funding(self, M: float) -> None:
        """What longs pay shorts at a multiple of the interval (section II.8)."""
        start = (self.step - 1) * self.dt
        if self.funding is None or self.step < 2:
            return
        times = start / self.funding.interval
        if round(times) < 1 or abs(times - round(times)) > 1e-9 * times:
            return
        rate = self.funding.rate
        if not isinstance(rate, int | float):
            rate = ([0.0] + [f for since, f in rate if since <= start])[-1]
        payment = rate * M
        self.G += payment
        paid = [p.side * p.quantity * payment for p in self.positions]
        self.out.funding_paid += sum(abs(money) for money in paid) / 2
        self.out.funding_outside += sum(paid)
        self.ledger.G = self.G
        self.ledger.outside += sum(paid)
        self.log("funding", -1, M, rate, sum(paid))
        self.audit(M, "after funding")

    def unload(self, x: float, source: float) -> None:
        """The carrier sells a share of its inventory to the book (section II.3)."""
        held = self.inventory
        for side in (LONG, SHORT):
            if held.quantity[side] <= 0:
                continue
            self.set_depth(x)
            c = held.share(side, self.dt, self.rules.unload_half_life or 0.0)
            F = self.book.fill(x, side * c)
            average = held.remove(side, c)
            gain = side * c * (F - average)
            held.realised -= gain
            self.first.receive(gain, x)
            self.note_low()
            self.book.v += side * c
            self.ledger.leaves_inventory(side, c, average)
            self.ledger.sold[side] += c
            self.ledger.layer(self.first.name, gain, x)
            self.ledger.book_takes(side, c, F)
            self.look(self.mark(source), x)
            self.log("sale", side, F, c, gain, held.quantity[side])
            self.audit(x, "after a sale from inventory")

    def call_in(self, x: float, source: float) -> None:
        """Deadlines of margin calls (section II.11): topped up, or closed whole; ADL of longs, then of shorts."""
        due = [i for i, deadline in self.called if deadline <= self.step]
        unpaid: dict[int, list[Unpaid]] = {LONG: [], SHORT: []}
        if due:
            self.set_depth(x)
        for i in due:
            p, M = self.positions[i], self.mark(source)
            if p.quantity > 0:
                assert self.top_up_hash is not None, "margin calls need top_up_hash"
                assert self.rules.top_up is not None
                if self.top_up_hash(i) < self.rules.top_up:
                    self.top_up(i, M, x)
                elif self.allowance > 0:
                    self.allowance -= 1
                    unpaid[p.side] += self.close(i, "deadline", x, M)
                else:
                    continue
            self.called = [call for call in self.called if call[0] != i]
        for side in (LONG, SHORT):
            if unpaid[side]:
                self.auto_deleverage(side, unpaid[side], x, source)

    # --------------------------------------------------------------------------------------------------------- a step

    def take_step(self, start: float, move: Move | None, end: float) -> None:
        """One step; `move` is (low, high, pre_jump) of its continuous move."""
        self.step += 1
        rules, a, time = self.rules, self.marks.source, self.step * self.dt - self.dt
        has_own, b, trigger = self.marks.step(self.step, end)
        at_start, at_end = (a, b) if has_own else (start, end)
        self.book.recover(self.dt)
        self.pay_funding(self.mark(at_start))
        self.set_floor()
        if rules.throughput is not None:
            self.allowance = max(1, math.floor(rules.throughput * self.dt + 1e-9))

        if not any(begin <= time < until for begin, until in self.events.outages):
            if self.is_carried():
                self.unload(start, at_start)
            self.call_in(start, at_start)
            if has_own:
                self.ride_mark(start, move is not None, end, a, trigger)
            else:
                self.ride_price(start, move, end)
            if self.is_carried():
                self.look(self.mark(at_end), end)
                self.deleverage_inventory(end, self.mark(at_end))

        self.balances.append(self.fund_balance(self.mark(at_end), end))
        self.prices.append(end)
        self.previous_mark = self.mark(at_end)
        if rules.throughput is not None or self.events.outages:
            self.out.waiting_peak = max(self.out.waiting_peak, self.waiting(self.previous_mark))

    def finish(self, x: float) -> Outcome:
        out, ledger = self.out, self.ledger
        M = self.previous_mark
        self.audit(x, "at the end")
        out.fund_end = self.first.balance
        if self.is_carried():
            out.inventory_loss = self.inventory.realised - self.inventory.worth(M)
            missing = max(0.0, self.first.floor - self.worth(M, x)) * self.first.unit(x)
            if missing > 0:  # whoever bears it makes the carrier whole
                ledger.layer(self.first.name, missing, x)
                ledger.unpaid += missing
                self.first.receive(missing, x)
                self.leave(missing, x, M)
        self.socialise(M, x)
        if self.check:
            scale = sum(p.quantity for p in ledger.start) * self.s0 + sum(ledger.capital)
            ledger.equal(ledger.unpaid, 0.0, scale, "money neither raised nor given up")
            ledger.equal(ledger.residual, out.residual, scale, "residual")
            for layer, cash, capital in zip([self.first, *self.others], ledger.cash, ledger.capital, strict=True):
                ledger.equal(cash, capital + layer.change, scale, f"the balance of {layer.name}")
        out.liquidated_count = sum(out.liquidated)
        out.adl_count = sum(out.adl_hit)
        for layer in [self.first, *self.others]:
            if layer.name != "nobody":
                setattr(out, f"drawn_{layer.name}", layer.drawn)
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
    top_up_hash: Callable[[int], float] | None = None,
    lot_score: RandomScore | None = None,
    layers: Mapping[str, Layer] | None = None,
    funding: Funding | None = None,
    events: Events | None = None,
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
        Seconds from trigger to fill (section 4), instead of `gap`; 0 is `gap = 0`.
    seed, path : int
        Name the path in a failed ledger check; nothing here is random.
    random_score : callable, optional
        (step, losing side, position) -> float, for the score `random`.
    top_up_hash : callable, optional
        position -> a number in [0, 1), below `top_up` for those who meet a margin call.
    lot_score : callable, optional
        (step, losing side, how manieth of those whose amount is rounded) -> a number in [0, 1), for `adl_lot`.
    layers : mapping, optional
        Capital, floor and cap of the cash layers of the waterfall, by name; of the fund only the cap.
    check : bool
        Check the ledger at every event.
    """
    assert fund >= rules.reserve or "fund" not in rules.waterfall, "the fund starts at or above its reserve"

    assert delay == 0 or gap == 0, "delay and gap exclude each other"
    moves: list[Move | None] = [None] * (len(close) - 1)
    if low is not None and high is not None:
        moves = [
            (low[t], high[t], close[t] if pre_jump is None else pre_jump[t]) for t in range(1, len(close))
        ]  # fmt: skip
    course = Course(close, moves, dt)

    def run(unlimited: bool) -> tuple[Outcome, float]:
        name = f"seed {seed}, path {path}, fund {math.inf if unlimited else fund}"
        one = Design(
            [replace(p) for p in positions], rules, close[0], depth, fund,
            dt, gap, jump_gap, under_margin, random_score, check, name, delay, course,
            dict(layers or {}), funding, events or Events(), top_up_hash, lot_score, unlimited,
        )  # fmt: skip
        for t in range(1, len(close)):
            one.take_step(close[t - 1], moves[t - 1], close[t])
        return one.finish(close[-1]), min(one.first.capital, one.first.cap)

    out, limit = run(False)
    if math.isfinite(limit):
        out.net_loss_peak = run(True)[0].net_loss_peak
    return out
