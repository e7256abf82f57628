"""What one path holds at a moment: positions, book, layers; who pays and who is paid (sections 6 and II.4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.twin.layers import CashLayer, Inventory, finite
from tests.twin.ledger import Ledger
from tests.twin.market import Course, Marks, OrderBook
from tests.twin.position import bankruptcy_price, level_with_funding
from tests.twin.records import Depth, Event, Events, Funding, Layer, Outcome, Position, RandomScore, Rules

CASH_LAYERS = ("fund", "vault", "house")


@dataclass(frozen=True)
class Unpaid:
    """A closing the layers did not cover: money, contracts kept, their bankruptcy price (shifted) and fill (real)."""

    money: float
    kept: float
    bankruptcy: float
    fill: float


@dataclass
class State:
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
    layers: Mapping[str, Layer] = field(default_factory=dict)
    funding: Funding | None = None
    events: Events = field(default_factory=Events)
    top_up_hash: Callable[[int], float] | None = None
    lot_score: RandomScore | None = None
    unlimited: bool = False  # the first cash layer is, whatever its capital and cap

    def __post_init__(self) -> None:
        n, rules = len(self.positions), self.rules
        self.start_quantity = [p.quantity for p in self.positions]
        self.B = [bankruptcy_price(p) for p in self.positions]
        self.L = [level_with_funding(p, rules, self.s0, self.under_margin) for p in self.positions]
        self.book = OrderBook(self.depth, self.s0)
        self.marks = Marks(rules, self.events, self.s0, self.dt)
        self.G = 0.0
        self.set_layers()
        self.inventory = Inventory()
        self.ledger = Ledger(self.positions, self.s0, [self.first, *self.others], rules, self.name)
        self.balances = [self.fund_balance(self.s0, self.s0)]  # b_j of the fund, at the end of step j
        self.asked = self.received = 0.0  # of the first layer, in its units
        self.previous_mark = self.s0
        self.prices = [self.s0]  # exogenous, at the end of step j
        self.step = 0
        self.allowance = math.inf  # positions that may still be liquidated in this step
        self.rest_until = [0] * n  # step from which a position stands in the order again
        self.called: list[tuple[int, int]] = []  # (position, deadline step), in the order of the calls
        self.result = [0.0] * n  # of ADL closings
        self.spared = self.spared_contracts()
        self.out = Outcome(fund_low=self.first.balance, liquidated=[False] * n, bankrupt=[False] * n)
        self.out.adl_share, self.out.adl_hit, self.out.eligible = [0.0] * n, [False] * n, [False] * n
        self.out.partial, self.out.taken, self.out.stopped = [False] * n, [False] * n, [False] * n
        self.out.took_profit, self.out.called = [False] * n, [False] * n
        if self.is_carried():
            self.out.carrier_low = self.worth(self.s0, self.s0)
        levels = [(p.side, L) for p, L in zip(self.positions, self.L, strict=True) if 0 < L < math.inf]
        self.out.ties = len(set(levels)) < len(levels)

    def spared_contracts(self) -> list[float]:
        """What ADL never closes of a position: all of a protected one, and what its account has on the other side."""
        held: dict[tuple[str, int], float] = {}
        for p in self.positions:
            held[p.account, p.side] = held.get((p.account, p.side), 0.0) + p.quantity
        spared = []
        for p in self.positions:
            hedge = 0.0
            if self.rules.hedged == "spared" and p.account:
                hedge = p.quantity * min(1.0, held.get((p.account, -p.side), 0.0) / held[p.account, p.side])
            spared.append(p.quantity if p.protected else hedge)
        return spared

    def set_layers(self) -> None:
        """The cash layers before and after ADL; without any, what the venue receives stays with a nameless one."""
        rules = self.rules
        words = [word for word in rules.waterfall if word in CASH_LAYERS]
        made: list[CashLayer] = []
        for word in words:
            capital, floor = (self.fund, rules.reserve) if word == "fund" else (0.0, 0.0)
            cap = math.inf
            if word in self.layers:
                given = self.layers[word]
                cap = given.cap
                if word != "fund":
                    capital, floor = given.capital, given.floor
            if self.unlimited and not made:
                capital = cap = math.inf
            coin = self.s0 if word == "fund" and rules.fund_in == "coin" else None
            made.append(CashLayer(word, capital, floor, cap, coin))
        self.has_adl = "adl" in rules.waterfall
        at = list(rules.waterfall).index("adl") if self.has_adl else len(rules.waterfall)
        before = sum(word in CASH_LAYERS for word in rules.waterfall[:at])
        self.before, self.after = made[:before], made[before:]
        self.first = made[0] if made else CashLayer("nobody", 0.0, 0.0, 0.0)
        self.others = made[1:]
        assert rules.carrier in ("market", self.first.name), "the carrier is the first cash layer"

    # ------------------------------------------------------------------------------------------------- bookkeeping

    def log(self, kind: str, i: int, price: float, quantity: float, money: float, left: float = 0.0) -> None:
        self.out.events.append(Event(self.step, kind, i, price, quantity, money, self.first.balance, left))

    def audit(self, x: float, when: str) -> None:
        if self.check:
            self.ledger.check(self.positions, x, f"{when} at step {self.step}")

    def mark(self, source: float) -> float:
        return self.book.mark(source)

    def note_low(self) -> None:
        self.out.fund_low = min(self.out.fund_low, self.first.balance)

    # ---------------------------------------------------------------------------------------------- who pays, who gets

    def receive(self, usd: float, y: float) -> None:
        """A surplus or a fee goes to the first layer."""
        self.first.receive(usd, y)
        self.ledger.layer(self.first.name, usd, y)
        self.received += usd / self.first.unit(y)
        self.out.inflow += usd / self.first.unit(y)

    def pay(self, layer: CashLayer, usd: float, y: float) -> None:
        layer.pay(usd, y)
        self.ledger.layer(layer.name, -usd, y)
        self.note_low()
        if layer is not self.first and usd > 0:
            self.log("layer", list(self.rules.waterfall).index(layer.name), y, 0.0, usd)

    def deplete(self) -> None:
        if not self.out.depleted:
            self.out.depleted, self.out.depletion_step = True, self.step

    def available(self, layer: CashLayer, y: float, M: float, floor: float | None = None) -> float:
        """USD a layer can pay; the carrier counts its inventory at the mark."""
        carried = self.is_carried() and layer is self.first
        return layer.available(y, self.inventory.worth(M) if carried else 0.0, floor)

    def tolerance(self, p_scale: float) -> float:
        return 1e-12 * (p_scale + finite(self.first.capital))

    def cover(self, layers: Sequence[CashLayer], D: float, rounding: float, y: float, M: float) -> float:
        """Layers pay a deficit in turn; returns what they leave. A rest up to `rounding` the last of them pays too."""
        rest = D
        if not (self.before or self.after) and rounding < D:
            self.deplete()  # nobody holds cash
        for layer in layers:
            paid = min(rest, self.available(layer, y, M))
            if rest - paid > rounding:
                self.shut(layer)
            elif layer is layers[-1]:
                paid = rest
            if layer is self.first:
                self.asked += D / layer.unit(y)
                if rest - paid > rounding:
                    self.deplete()
            self.pay(layer, paid, y)
            rest -= paid
        return rest

    def shut(self, layer: CashLayer) -> None:
        """ADL begins: the fund could not pay, and pays nothing from now on if a rule says when it does again."""
        if layer.name == "fund" and self.rules.drawdown_stop is not None:
            layer.is_shut = True

    def leave(self, money: float, y: float, M: float) -> None:
        """What ADL left goes to the cash layers after it; what they leave is residual."""
        left = self.cover(self.after, money, 1e-12 * money, y, M)
        self.ledger.unpaid -= money - left  # paid by layers
        self.ledger.give_up(left)
        self.out.residual += left
        if money > 0 and self.first in self.after:
            self.look(M, y)

    # -------------------------------------------------------------------------------------------- net loss, the carrier

    def is_carried(self) -> bool:
        return self.rules.carrier != "market"

    def worth(self, M: float, y: float) -> float:
        """W, in units of the carrier."""
        return self.first.balance + self.inventory.worth(M) / self.first.unit(y)

    def look(self, M: float, y: float) -> None:
        """Note the net loss C, and the worth of the carrier."""
        if self.is_carried():
            C = -(self.first.change + self.inventory.worth(M) / self.first.unit(y))
            self.out.carrier_low = min(self.out.carrier_low, self.worth(M, y))
            if self.first.floor - self.worth(M, y) > self.tolerance(sum(self.inventory.cost.values())):
                self.deplete()
                self.shut(self.first)
        else:
            C = self.asked - self.received
        self.out.net_loss_peak = max(self.out.net_loss_peak, C)

    def fund_balance(self, M: float, y: float) -> float:
        """b_j of a drawdown rule: the fund's balance, or its worth where it takes positions over."""
        if self.first.name == "fund" and self.is_carried():
            return self.worth(M, y)
        return sum(layer.balance for layer in [self.first, *self.others] if layer.name == "fund")

    def floor_of_step(self) -> float:
        """What ADL rules keep the fund from falling under in this step (section 6)."""
        fund = next((layer for layer in [self.first, *self.others] if layer.name == "fund"), None)
        if self.rules.drawdown is None or fund is None or math.isinf(fund.capital):
            return self.rules.reserve
        return max(self.rules.reserve, (1 - self.rules.drawdown) * self.peak_balance())

    def peak_balance(self) -> float:
        """The largest balance at the end of a step in the window of the drawdown."""
        window = math.inf if self.rules.drawdown_window is None else self.rules.drawdown_window
        return max(b for j, b in enumerate(self.balances) if (self.step - 1 - j) * self.dt <= window)

    def set_floor(self) -> None:
        for layer in [self.first, *self.others]:
            if layer.name == "fund":
                layer.floor = self.floor_of_step()
                if layer.is_shut and self.rules.drawdown_stop is not None:
                    layer.is_shut = self.balances[-1] <= (1 - self.rules.drawdown_stop) * self.peak_balance()

    # ------------------------------------------------------------------------------------------------- who may be met

    def is_standing(self, i: int) -> bool:
        """Whether a position is open and in the order of L: neither resting nor called."""
        called = any(i == j for j, _ in self.called)
        return self.positions[i].quantity > 0 and self.rest_until[i] <= self.step and not called

    def candidates(self, side: int) -> list[tuple[float, int, float, int]]:
        """(distance, 0 stop or 1 level, L, position), nearest first."""
        found = []
        for i, p in enumerate(self.positions):
            if p.side != side or p.quantity <= 0:
                continue
            if not math.isnan(p.stop):
                found.append((-side * p.stop, 0, 0.0, i))
            if self.is_standing(i) and self.allowance > 0:
                found.append((-side * (self.L[i] + self.G), 1, -side * self.L[i], i))
        return sorted(found)

    def next_triggered(self, side: int, source: float) -> tuple[int, str, float] | None:
        """Who goes first, as what and at which level, if the mark at a source meets it."""
        order = self.candidates(side)
        if not order:
            return None
        _, is_level, _, i = order[0]
        M = self.mark(source)
        if is_level:
            return (i, "level", self.L[i] + self.G) if side * (M - self.G - self.L[i]) <= 0 else None
        stop = self.positions[i].stop
        return (i, "stop", stop) if side * (M - stop) <= 0 else None

    def next_take_profit(self, side: int, source: float) -> tuple[int, float] | None:
        wanted = [i for i, p in enumerate(self.positions) if p.side == side and p.quantity > 0]
        wanted = [i for i in wanted if not math.isnan(self.positions[i].take_profit)]
        if not wanted:
            return None
        i = min(wanted, key=lambda i: (side * self.positions[i].take_profit, i))
        level = self.positions[i].take_profit
        return (i, level) if side * (self.mark(source) - level) >= 0 else None

    def waiting(self, M: float) -> int:
        """Positions past their level that neither rest nor are called."""
        met = [i for i, p in enumerate(self.positions) if self.is_standing(i) and self.is_met(p, self.L[i], M)]
        return len(met)

    def is_met(self, p: Position, L: float, M: float) -> bool:
        return p.side * (M - self.G - L) <= 0
