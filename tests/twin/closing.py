"""What happens to a position that is met (sections 5, II.2, II.3, II.6 and II.11)."""

from __future__ import annotations

import math

from tests.twin.layers import finite
from tests.twin.position import (
    bankruptcy_price,
    equity,
    initial_margin,
    level_with_funding,
    maintenance,
    profit,
    tier_number,
)
from tests.twin.records import Position
from tests.twin.state import State, Unpaid

MOST_CUTS = 8  # of `restore` in a row
DUST = 1e-6  # of the first quantity: less is not left
LEAST_CUT = 1e-3  # of `restore`, as a share of the position: less than that closes the whole


class Closing(State):
    """`y` is the exogenous price of an order, `source` that of its mark; the same unless the mark has its own."""

    def meet(self, i: int, how: str, y: float, source: float) -> list[Unpaid]:
        """A position is met as a stop or at its level; at most one thing is left unpaid."""
        rules, p = self.rules, self.positions[i]
        if how == "stop":
            return self.close(i, "stop", y, self.mark(source))
        if rules.liquidation == "margin_call":
            self.call(i, self.mark(source))
            return []
        cuts = 0
        while True:
            M = self.mark(source)
            self.allowance -= 1
            if self.is_taken_over(i, M):
                return self.take_over(i, y, M)
            c = self.quantity_to_close(i, M) if cuts < MOST_CUTS or rules.closeout != "restore" else p.quantity
            if c == p.quantity:
                return self.close(i, "liquidation", y, M)
            self.cut(i, c, y, source)
            cuts += 1
            if rules.closeout == "fraction" and rules.cooldown > 0:
                self.rest_until[i] = self.step + math.ceil(rules.cooldown / self.dt - 1e-9)
                return []
            if not self.is_met(p, self.L[i], self.mark(source)) or self.allowance <= 0:
                return []

    # ------------------------------------------------------------------------------------------ whole (section 5)

    def close(self, i: int, kind: str, y: float, M: float) -> list[Unpaid]:
        """Sell all that is left from the price y; M is the mark before the order."""
        p, rules, out, B = self.positions[i], self.rules, self.out, self.B[i]
        s, q, e = p.side, p.quantity, p.entry_price
        F = self.book.fill(y, s * q)
        R = s * q * (F - self.G - B)
        if abs(R) <= 1e-11 * q * (e + F):
            R = 0.0

        to_fund = to_trader = u = kept = 0.0
        if R >= 0:
            fee = min(R, rules.fee_rate * q * F)
            if kind in ("stop", "take_profit"):
                to_trader = R
            elif rules.residual == "fund":
                to_fund = R
            else:
                to_fund, to_trader = fee, R - fee
            self.receive(to_fund, y)
        else:
            D = -R
            u = D
            if not self.is_above(D):
                u = self.cover(self.before, D, self.tolerance(q * e), y, M)
            if rules.settlement == "bankruptcy" and self.has_adl:
                kept = u / D * q
            out.deficit += D
            out.bankrupt[i] = True

        p.quantity = p.margin = 0.0
        self.book.v += s * (q - kept)
        if kind in ("liquidation", "deadline"):
            out.liquidated[i] = True
            out.liquidated_quantity += q
            out.call_closed_count += kind == "deadline"
        elif kind == "stop":
            out.stopped[i] = True
            out.stop_count += 1
            out.stop_quantity += q
        else:
            out.took_profit[i] = True
            out.take_profit_count += 1
        self.ledger.closes(i, q, F, kept, to_trader)
        self.ledger.unpaid += u
        self.look(M, y)
        self.log(kind, i, F, q, R)
        if u > 0 and not self.has_adl:
            self.ledger.give_up(u)
            out.residual += u
        self.audit(y, f"after the {kind} of {i}")
        return [Unpaid(u, kept, B, F)] if u > 0 and self.has_adl else []

    # ------------------------------------------------------------------------------------------ partly (section II.2)

    def equity_when_met(self, p: Position, M: float) -> float:
        """E, and zero where it is zero but for rounding: a position may be met at its bankruptcy price."""
        E = equity(p, M - self.G)
        return 0.0 if abs(E) <= 1e-11 * p.quantity * (p.entry_price + M) else E

    def quantity_to_close(self, i: int, M: float) -> float:
        """c of section II.2; a quantity that is nearly all is all."""
        rules, p = self.rules, self.positions[i]
        q, P = p.quantity, M - self.G
        E = self.equity_when_met(p, M)
        if rules.closeout == "whole" or E <= 0 or P <= 0:
            return q
        if rules.closeout == "fraction":
            assert rules.fraction is not None
            first = not self.out.partial[i] and q * P > rules.partial_above
            c = rules.fraction * q if first else q
        elif rules.closeout == "tiers":
            k = tier_number(p, P, rules)
            if k == 0:
                return q
            cap = rules.tiers[max(0, k - rules.tiers_at_once)].cap
            unit = {"notional": P, "entry_notional": p.entry_price, "quantity": 1.0}[rules.tier_basis]
            c = q - (1 - 1e-9) * cap / unit
        else:
            assert rules.buffer is not None
            tier = rules.tiers[tier_number(p, P, rules)]
            if tier.maintenance_rate == 0:
                return q
            n = (E / (1 + rules.buffer) + tier.deduction) / tier.maintenance_rate
            rest = n / (p.entry_price if rules.tier_basis == "entry_notional" else P)
            c = q - rest if rest > 0 else q
            if c <= LEAST_CUT * q:
                return q
        return q if q - c <= DUST * self.start_quantity[i] or c <= 1e-9 * q else c

    def cut(self, i: int, c: float, y: float, source: float) -> None:
        """Sell a part; its result and a fee go to the margin, and the levels are computed anew."""
        p, rules, out = self.positions[i], self.rules, self.out
        s, e, before = p.side, p.entry_price, self.mark(source)
        F = self.book.fill(y, s * c)
        self.book.v += s * c
        P = self.mark(source) - self.G
        p.quantity -= c
        p.margin += s * c * (F - self.G - e)
        fee = min(rules.fee_rate * c * F, max(0.0, equity(p, P)))
        p.margin -= fee
        self.receive(fee, y)
        self.set_levels(i, P)
        out.partial[i] = out.liquidated[i] = True
        out.partial_count += 1
        out.partial_quantity += c
        out.liquidated_quantity += c
        self.ledger.closes(i, c, F, 0.0, 0.0, whole=False)
        self.look(before, y)
        self.log("cut", i, F, c, fee, p.quantity)
        self.audit(y, f"after a cut of {i}")

    def set_levels(self, i: int, P: float) -> None:
        """B and L of a position anew, seen from a mark in the shifted frame."""
        p = self.positions[i]
        self.B[i] = bankruptcy_price(p)
        self.L[i] = level_with_funding(p, self.rules, P, "liquidate")

    # ---------------------------------------------------------------------------------------- taken over (section II.3)

    def is_taken_over(self, i: int, M: float) -> bool:
        if not self.is_carried():
            return False
        p, below = self.positions[i], self.rules.takeover_below
        return below == math.inf or self.equity_when_met(p, M) <= below * maintenance(p, M - self.G, self.rules)

    def is_above(self, deficit: float) -> bool:
        """Whether a deficit is too large for the layers before ADL (section II.4); where nobody holds cash none is."""
        has_cash = bool(self.before or self.after)
        return has_cash and self.rules.adl_above is not None and deficit > self.rules.adl_above

    def take_over(self, i: int, y: float, M: float) -> list[Unpaid]:
        """The carrier gets the position at its bankruptcy price; if it cannot, all of it is kept for ADL."""
        p, out, B = self.positions[i], self.out, self.B[i]
        s, q, e, price = p.side, p.quantity, p.entry_price, B + self.G
        R = s * q * (M - self.G - B)
        if abs(R) <= 1e-11 * q * (e + M):
            R = 0.0
        D = max(0.0, -R)
        rounding = 1e-12 * (q * e + finite(self.first.capital))
        after = self.worth(M, y) + s * (q * M - q * price) / self.first.unit(y)
        full = self.first.is_shut or after < self.first.floor - rounding
        refused = full or self.is_above(D)
        if full and not self.is_above(D):
            self.deplete()
            self.shut(self.first)
        if refused and not self.has_adl:
            return self.close(i, "liquidation", y, M)

        p.quantity = p.margin = 0.0
        out.deficit += D
        out.bankrupt[i] = out.bankrupt[i] or D > 0
        out.liquidated[i] = True
        out.liquidated_quantity += q
        if refused:
            fill = M if R < 0 else price  # where nothing is owed the book holds it at what it cost
            self.ledger.closes(i, q, fill, q, 0.0)
            self.ledger.unpaid += D
            self.log("liquidation", i, M, q, R)
        else:
            self.inventory.add(s, q, price)
            out.taken[i] = True
            out.takeover_count += 1
            out.takeover_quantity += q
            self.ledger.taken_over(i, q, price)
            self.log("takeover", i, price, q, R)
        self.look(M, y)
        self.audit(y, f"after the take-over of {i}")
        return [Unpaid(D, q, B, fill)] if refused else []

    # ------------------------------------------------------------------------------------------ called (section II.11)

    def deadline(self) -> int:
        """The step in which a position that is called now is looked at."""
        rules, dt, t = self.rules, self.dt, self.step
        if rules.call_time is None:
            assert rules.call_deadline is not None
            return t + max(1, math.ceil(rules.call_deadline / dt - 1e-9))
        due = rules.call_time
        while due <= (t - 1) * dt:
            due += 86_400.0
        return max(t + 1, math.ceil(due / dt - 1e-9) + 1)

    def call(self, i: int, M: float) -> None:
        self.called.append((i, self.deadline()))
        self.out.called[i] = True
        self.out.call_count += 1
        self.log("call", i, M, self.positions[i].quantity, 0.0, self.positions[i].quantity)

    def top_up(self, i: int, M: float, x: float) -> None:
        """The trader pays what is missing from the initial margin, if anything."""
        p, P = self.positions[i], M - self.G
        paid = max(0.0, initial_margin(p, P, self.rules) - profit(p, P) - p.margin)
        p.margin += paid
        self.out.topped_up += paid
        self.ledger.tops_up(paid)
        self.set_levels(i, P)
        self.log("top_up", i, M, p.quantity, paid, p.quantity)
        self.audit(x, f"after the top-up of {i}")
