"""An ADL event: winners of the other side pay for what is unpaid, or take over what is kept (sections 7 and II.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tests.twin.adl import SCORES, allocate, ethereal_keys, in_lots, key_of, profit_size_keys
from tests.twin.closing import Closing
from tests.twin.position import equity, profit, rounded
from tests.twin.records import LONG, SHORT, Position
from tests.twin.state import Unpaid


class Deleverage(Closing):
    def keys(self, winners: Sequence[int], P: float, losing_side: int) -> Sequence[Any]:
        """What `allocate` compares or weighs by, at a shifted mark; notes ties in a queue."""
        P = max(1e-12 * self.s0, P)  # below zero a leverage is none
        live = [self.positions[i] for i in winners]
        if self.rules.policy not in ("queue", "score_pro_rata"):
            return [key_of(self.rules.policy, p, P) for p in live]
        keys: Sequence[Any]
        if self.rules.score == "ethereal":
            keys = ethereal_keys(live, P)
        elif self.rules.score == "profit_size":
            keys = profit_size_keys(live, P)
            shares = [rounded(profit(p, P) / (p.quantity * p.entry_price)) for p in live]
            self.out.ties |= len(set(shares)) < len(shares)
        elif self.rules.score == "random":
            assert self.random_score is not None, "the random score needs random_score"
            keys = [rounded(self.random_score(self.step, losing_side, i)) for i in winners]
        else:
            keys = [rounded(SCORES[self.rules.score](p, P, self.rules)) for p in live]
        self.out.ties |= len(set(keys)) < len(keys)
        return keys

    def close_winners(
        self, losing_side: int, budget: float, price: float | None, y: float, M: float
    ) -> tuple[float, float]:
        """Share a budget between the winners: contracts at a real price, or (None) money raised at the mark.

        Returns the contracts taken and what is left of the budget.
        """
        P = M - self.G
        across = [i for i, p in enumerate(self.positions) if p.side == -losing_side and p.quantity > 0]
        winners = [i for i in across if profit(self.positions[i], P) > 0]
        # a profit may be owed already: margin < 0
        solvent = [i for i in winners if equity(self.positions[i], P) > 0]
        taken, rest = self.close_some(winners, solvent, losing_side, budget, budget, price, y, M)
        if rest > 0 and self.rules.adl_losers == "last" and price is not None:
            losers = [i for i in across if i not in winners and self.positions[i].quantity > 0]
            owners = [i for i in losers if self.can_lose(self.positions[i], P, price - self.G)]
            more, rest = self.close_some(losers, owners, losing_side, rest, budget, price, y, M)
            taken += more
        return taken, rest

    def can_lose(self, p: Position, P: float, price: float) -> bool:
        """Whether one without profit has an equity at the mark, and owes nothing when closed at the price."""
        return equity(p, P) > 0 and equity(p, price) >= -1e-11 * p.quantity * p.entry_price

    def share_to_give(self, i: int) -> float:
        """Share of a position that one event may close."""
        q, first = self.positions[i].quantity, self.start_quantity[i]
        free = q - self.spared[i]
        return free / q * self.rules.adl_cap if free > 1e-12 * first else 0.0

    def close_some(
        self,
        seen: Sequence[int],
        able: Sequence[int],
        losing_side: int,
        budget: float,
        whole_budget: float,
        price: float | None,
        y: float,
        M: float,
    ) -> tuple[float, float]:
        """Share a budget between those that are able to give; all that are `seen` were eligible."""
        rules, out, ledger = self.rules, self.out, self.ledger
        in_money, P = price is None, M - self.G
        for i in seen:
            out.eligible[i] |= self.start_quantity[i] - self.spared[i] > 1e-12 * self.start_quantity[i]
        givers = [i for i in able if self.share_to_give(i) > 0]
        live = [self.positions[i] for i in givers]
        limits = [self.share_to_give(i) for i in givers]
        whole = [min(profit(p, P), equity(p, P)) if in_money else p.quantity for p in live]
        capacity = [w * limit for w, limit in zip(whole, limits, strict=True)]
        keys = self.keys(givers, P, losing_side)
        if rules.policy != "queue":  # who has a loss has no weight
            keys = [max(0.0, key) for key in keys]
        amounts = allocate(rules.policy, capacity, keys, budget, rules.excess_leverage)
        if rules.adl_lot > 0 and price is not None:
            draw = self.lot_score
            assert draw is not None, "lots need lot_score"
            amounts = in_lots(amounts, capacity, rules.adl_lot, lambda k: draw(self.step, losing_side, k))

        taken = 0.0
        for i, p, w, limit, amount in zip(givers, live, capacity, limits, amounts, strict=True):
            if amount <= 0:
                continue
            share = (1.0 if amount / w >= 1 - 1e-12 else amount / w) * limit
            closed, released = share * p.quantity, share * p.margin
            if price is None:
                # The closed share of the profit pays; a share rounded up to 1 hands the trader what is over.
                money = amount
                gain = share * profit(p, P) - amount
                ledger.raised(i, closed, M, amount, share * profit(p, P), share * equity(p, P))
                self.book.v += p.side * closed
            else:
                money = p.side * closed * (M - price)
                gain = p.side * closed * (price - self.G - p.entry_price)
            ledger.winner(i, closed, released + gain)
            self.result[i] += gain
            taken += closed
            p.quantity = 0.0 if share == 1.0 else p.quantity - closed
            p.margin = 0.0 if share == 1.0 else p.margin - released
            out.adl_hit[i] = True
            out.adl_share[i] += closed / self.start_quantity[i]
            out.adl_quantity += closed
            out.adl_usd += money
            self.log("adl", i, M if price is None else price, closed, money, p.quantity)
            if in_money:
                self.audit(y, f"after the ADL of {i}")

        unfilled = budget - (sum(amounts) if in_money else taken)
        if rules.policy != "queue":  # the amounts of a sharing rule add up by definition; what is missing is rounding
            unfilled = max(0.0, budget - sum(capacity))
        return taken, 0.0 if unfilled <= 1e-12 * whole_budget else unfilled

    def auto_deleverage(self, losing_side: int, unpaid: Sequence[Unpaid], y: float, source: float) -> None:
        """Settle what a side's closings left unpaid."""
        rules, out, ledger = self.rules, self.out, self.ledger
        in_money = rules.settlement == "profit"
        M = self.mark(source)
        owed = sum(item.money for item in unpaid)
        kept = sum(item.kept for item in unpaid)
        out.adl_events += 1
        self.log("adl_event", losing_side, M, kept, owed)
        if in_money:
            _, unfilled = self.close_winners(losing_side, owed, None, y, M)
            self.leave(unfilled, y, M)
        else:
            bankruptcy = sum(item.kept * item.bankruptcy for item in unpaid) / kept + self.G
            price = {"bankruptcy": bankruptcy, "mark": M, "previous_mark": self.previous_mark, "oracle": y}[
                rules.adl_price
            ]
            taken, unfilled = self.close_winners(losing_side, kept, price, y, M)
            left = unfilled / kept * owed
            fill = sum(item.kept * item.fill for item in unpaid) / kept
            ledger.settle_kept(losing_side, fill, kept, taken, unfilled, owed - left)
            self.book.v += losing_side * unfilled
            self.settle_difference(losing_side * taken * (price - bankruptcy), y, M)
            self.leave(left, y, M)
        if unfilled > 0:
            self.log("residual", losing_side, M, 0.0 if in_money else unfilled, unfilled if in_money else left)
        self.audit(y, "after ADL")

    def settle_difference(self, difference: float, y: float, M: float) -> None:
        """Winners were closed at another price than the bankruptcy price.

        The first layer takes a gain; it pays a loss down to its constant floor, and the layers after ADL pay the rest.
        """
        if difference > 0:
            self.receive(difference, y)
            return
        floor = self.rules.reserve if self.first.name == "fund" else self.first.floor
        paid = min(-difference, self.available(self.first, y, M, floor))
        self.pay(self.first, paid, y)
        self.ledger.unpaid += -difference - paid
        self.leave(-difference - paid, y, M)

    def deleverage_inventory(self, y: float, M: float) -> None:
        """At the end of a step winners close what the carrier cannot hold, at its average cost, larger loss first."""
        first, held = self.first, self.inventory
        rounding = self.tolerance(held.cost[LONG] + held.cost[SHORT])
        sides = (LONG, SHORT) if held.gain(LONG, M) <= held.gain(SHORT, M) else (SHORT, LONG)
        for side in sides:
            missing = (first.floor - self.worth(M, y)) * first.unit(y)
            if missing <= rounding or held.gain(side, M) >= 0 or not self.has_adl:
                continue
            average = held.cost[side] / held.quantity[side]
            z = min(held.quantity[side], missing / (side * (average - M)))
            self.deplete()
            self.out.adl_events += 1
            self.log("adl_event", side, M, z, missing)
            taken, _ = self.close_winners(side, z, average, y, M)
            if taken > 0:
                held.remove(side, taken)
                self.ledger.leaves_inventory(side, taken, average)
                self.ledger.given[side] += taken
            self.audit(y, "after ADL of inventory")

    def socialise(self, M: float, x: float) -> None:
        """Take the residual of the path from those who have a result, or an equity, above zero (section II.4)."""
        out, P = self.out, M - self.G
        if "socialise" not in self.rules.waterfall or out.residual <= 0:
            return
        if self.rules.socialise == "winners":
            weights = [
                r + (profit(p, P) if p.quantity > 0 else 0.0)
                for p, r in zip(self.positions, self.result, strict=True)
            ]  # fmt: skip
        else:
            weights = [equity(p, P) if p.quantity > 0 else 0.0 for p in self.positions]
        nothing = [1e-11 * q * p.entry_price for p, q in zip(self.positions, self.start_quantity, strict=True)]
        weights = [w if w > zero else 0.0 for w, zero in zip(weights, nothing, strict=True)]
        if math.fsum(weights) == 0:
            return
        out.haircut = min(1.0, out.residual / sum(weights))
        out.socialised = out.haircut * sum(weights)
        out.residual = max(0.0, out.residual - out.socialised)
        for i, w in enumerate(weights):
            self.ledger.trader_cash[i] -= out.haircut * w
        self.ledger.residual -= out.socialised
        self.log("socialised", -1, M, out.haircut, out.socialised)
        self.audit(x, "after socialised losses")
