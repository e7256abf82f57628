"""Old margin tiers against new ones on the same book: who is liquidated at once, who is above a limit, what it costs.

At the price of the change a position of q coins has the equity E = m + s q (P - e) and the notional n = q P; where the
venue takes tiers by the notional at entry, limits too are those of n = q e. It is liquidated at once if E <= MM of the
new tiers and was not by the old ones. Its leverage is the one the trader set or, where the book does not know it, that
of its entry, q e / m, or, where all that was posted is withdrawn (m <= 0), q P / E; it is above the limit if it exceeds
the largest leverage of its tier at n. A position is too large beyond the cap of the last tier.

What the change does to the insurance fund takes a scenario: `with_tiers` gives the venue of its second design.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stress.arguments import is_finite, wrong_types
from stress.book.book import Book
from stress.book.positions import VENUE_EXPECTED
from stress.errors import InputError, Problem, raise_if
from stress.venue.tier import Tier
from stress.venue.venue import Venue

if TYPE_CHECKING:
    import pandas as pd

BUCKETS = (0.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, np.inf)  # of leverage
QUANTILES = (0.5, 0.9, 0.99, 1.0)  # of the change of maintenance margin
SAME = 1e-6  # relative: a leverage at its limit is not above it


@dataclass(frozen=True, eq=False)
class TierImpact:
    """What a change of tiers does to a book.

    Attributes
    ----------
    old, new : Venue
    price : float
        USD per coin, at which the tiers change.
    positions : DataFrame
        A row per position, in the order of the book: `account`, `row` (of its file), `side` (+1 or -1), `quantity`
        (coins), `entry_price`, `margin`, `notional`, `equity` (USD), `leverage`; by the old and by the new tiers
        `maintenance_old`, `maintenance_new`, `initial_old`, `initial_new` (margins, USD), `max_leverage_old`,
        `max_leverage_new`; and whether it is `liquidated_old`, `liquidated_new` (at or below maintenance margin),
        `levered_old`, `levered_new` (above the largest leverage), `large_old`, `large_new` (beyond the position limit).
    """

    old: Venue
    new: Venue
    price: float
    positions: pd.DataFrame

    @property
    def liquidated_at_once(self) -> pd.DataFrame:
        """The positions that only the new tiers liquidate, the largest first.

        `deficit` is what their equity lacks where they are closed at the price of the change, USD; `shortfall` what
        would have to be added to keep them.
        """
        rows = self.positions
        found = rows[rows["liquidated_new"] & ~rows["liquidated_old"]]
        deficit = np.maximum(0.0, -found["equity"])
        shortfall = found["maintenance_new"] - found["equity"]
        return found.assign(deficit=deficit, shortfall=shortfall).sort_values(
            "notional", ascending=False, kind="stable"
        )

    def table(self) -> pd.DataFrame:
        """How many positions and how much notional are concerned, by the old and by the new tiers.

        Returns
        -------
        DataFrame
            A row per `measure`: `old`, `new` (positions), `old_notional`, `new_notional`, `newly_notional` (USD), and
            `newly`: positions that only the new tiers concern.
        """
        import pandas as pd

        words = {
            "at or below maintenance margin": "liquidated",
            "leverage above the limit": "levered",
            "larger than the position limit": "large",
        }
        rows = []
        for measure, name in words.items():
            old, new = (self.positions[f"{name}_{when}"] for when in ("old", "new"))
            concerned = {"old": old, "new": new, "newly": new & ~old}
            rows.append(
                {"measure": measure}
                | {when: int(mask.sum()) for when, mask in concerned.items()}
                | {f"{when}_notional": self._notional(mask) for when, mask in concerned.items()}
            )
        return pd.DataFrame(rows)

    def margins(self) -> pd.DataFrame:
        """Maintenance and initial margin of the whole book, USD.

        Returns
        -------
        DataFrame
            Rows `maintenance` and `initial`, columns `margin`, `old`, `new`, `change` (USD) and `positions_up`,
            `positions_down`: how many have to hold more, and less.
        """
        import pandas as pd

        rows = []
        for name in ("maintenance", "initial"):
            old, new = (self.positions[f"{name}_{when}"] for when in ("old", "new"))
            up, down = (int((sign * (new - old) > SAME * old).sum()) for sign in (1.0, -1.0))
            total = {"old": float(old.sum()), "new": float(new.sum())}
            change = total["new"] - total["old"]
            rows.append({"margin": name} | total | {"change": change, "positions_up": up, "positions_down": down})
        return pd.DataFrame(rows)

    def quantiles(self) -> dict[float, float]:
        """Quantiles over positions of the change of maintenance margin, as a share of notional."""
        rows = self.positions
        held = rows["notional"] / (self.price if self.new.is_inverse else 1.0)
        change = (rows["maintenance_new"] - rows["maintenance_old"]) / held
        return {q: float(np.quantile(change, q)) for q in QUANTILES}

    def by_leverage(self) -> pd.DataFrame:
        """Those that are liquidated at once and those that come above a limit of leverage, by leverage.

        Returns
        -------
        DataFrame
            A row per bucket that holds a position: `lower`, `upper`, `positions`, `notional`, `liquidated`,
            `liquidated_notional`, `levered`; each counts what only the new tiers concern.
        """
        import pandas as pd

        rows = self.positions
        bucket = np.searchsorted(BUCKETS, rows["leverage"], side="right") - 1
        liquidated = rows["liquidated_new"] & ~rows["liquidated_old"]
        levered = rows["levered_new"] & ~rows["levered_old"]
        out = []
        for k in range(len(BUCKETS) - 1):
            inside = np.minimum(bucket, len(BUCKETS) - 2) == k
            if inside.any():
                out.append(
                    {
                        "lower": BUCKETS[k],
                        "upper": BUCKETS[k + 1],
                        "positions": int(inside.sum()),
                        "notional": self._notional(inside),
                        "liquidated": int((inside & liquidated).sum()),
                        "liquidated_notional": self._notional(inside & liquidated),
                        "levered": int((inside & levered).sum()),
                    }
                )
        return pd.DataFrame(out)

    def _notional(self, mask: np.ndarray) -> float:
        return float(self.positions["notional"].to_numpy()[np.asarray(mask)].sum())


def tier_impact(book: Book, old: Venue, new: Venue, price: float) -> TierImpact:
    """Hold a book against old and new tiers at a price.

    Parameters
    ----------
    book : Book
    old, new : Venue
        E.g. a venue and `with_tiers` of it.
    price : float
        Mark price, USD per coin.

    Returns
    -------
    TierImpact

    Raises
    ------
    InputError
        If an argument is none of these, or the contracts of the venues differ.
    """
    import pandas as pd

    where = "tier_impact"
    raise_if(
        wrong_types(
            where,
            book=(book, Book, "a stress.Book"),
            old=(old, Venue, VENUE_EXPECTED),
            new=(new, Venue, VENUE_EXPECTED),
        )
    )
    if not (is_finite(price) and price > 0):
        raise InputError(Problem(where, "a price above 0, USD per coin", column="price", value=price))
    if old.contract != new.contract:
        raise InputError(Problem(where, f"a venue whose contract is {old.contract}", column="new", value=new.contract))
    book = book.of_contract(new.contract)
    equity = book.equity(price)
    notional = book.notional(price)
    posted = book.margin > 0
    at_entry = book.value(book.entry_price) / np.where(posted, book.margin, 1.0)
    known = np.where(posted, at_entry, book.effective_leverage(price))
    leverage = np.where(np.isnan(book.leverage), known, book.leverage)
    columns = {
        "account": book.account,
        "row": book.file_row,
        "side": book.side.astype(int),
        "quantity": book.quantity,
        "entry_price": book.entry_price,
        "margin": book.margin,
        "notional": notional,
        "equity": equity,
        "leverage": leverage,
    }
    for when, venue in (("old", old), ("new", new)):
        maintenance = venue.maintenance_margin(book.quantity, price, book.entry_price)
        at = book.entry_price if venue.tier_basis == "entry_notional" else price
        most = venue.max_leverage(book.value(at), at)
        size = book.quantity if venue.tier_basis == "quantity" else book.value(at)
        columns |= {
            f"maintenance_{when}": maintenance,
            f"initial_{when}": venue.initial_margin(book.quantity, price, book.entry_price),
            f"max_leverage_{when}": most,
            f"liquidated_{when}": equity <= maintenance,
            f"levered_{when}": leverage > most * (1.0 + SAME),
            f"large_{when}": size > venue.position_limit * (1.0 + SAME),
        }
    return TierImpact(old, new, float(price), pd.DataFrame(columns))


def with_tiers(venue: Venue, tiers: tuple[Tier, ...], tier_basis: str) -> Venue:
    """A venue with other tiers and its own rules.

    Parameters
    ----------
    venue : Venue
    tiers : tuple of Tier
    tier_basis : {"notional", "entry_notional", "quantity"}
        What picks the new tiers. Tiers in USD keep the "entry_notional" of the venue: it is its rule.
    """
    basis = tier_basis
    if tier_basis == "notional" and venue.tier_basis == "entry_notional":
        basis = venue.tier_basis
    figures = tuple(figure for figure in venue.figures if figure.name != "tiers")
    return replace(venue, tiers=tiers, tier_basis=basis, figures=figures)
