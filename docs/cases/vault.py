"""A vault that is left with the position of a pushed thin coin: JELLY and POPCAT on Hyperliquid, 2025."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

import stress
from docs.cases.case import Case, Published, Source, Table, line, millions, one_tier
from stress.results.result import Result

NEVER = 1e9  # seconds in which an inventory is halved that nobody sells
SOON = (10.0, 60.0, 600.0, NEVER)
RULES = {
    "residual": "trader", "score": "hyperliquid", "settlement": "bankruptcy", "adl_price": "previous_mark",
    "carrier": "vault", "takeover_below": math.inf, "waterfall": ("vault", "adl"),
}  # fmt: skip


def words(half_life: float) -> str:
    return "never" if half_life == NEVER else f"{half_life:g} s"


def figures(result: Result) -> tuple[str, ...]:
    """Loss of the vault at the last price, its worst on the way, what ADL closed of it, USD."""
    path = result.paths.iloc[0]
    worst = result.config["layers"]["vault"]["capital"] - path["carrier_low"]
    return millions(path["inventory_loss"]), millions(worst), millions(path["adl_usd"])


# ------------------------------------------------------------------------------------------------------- JELLY

JELLY_ENTRY, JELLY_USD, JELLY_REFUND, JELLY_HIGH = 0.0095, 4e6, 0.037555, 0.043
JELLY_LEVERAGE = 3.0


def jelly(last: float, half_life: float = NEVER, capital: float = 230e6) -> Result:
    """The short, twenty longs without leverage, an hour up to the last price."""
    q = JELLY_USD / JELLY_ENTRY
    side = np.concatenate([[-1.0], np.ones(20)])
    quantity = np.concatenate([[q], np.full(20, q / 20)])
    leverage = np.concatenate([[JELLY_LEVERAGE], np.ones(20)])
    book = stress.Book(side, quantity, np.full(21, JELLY_ENTRY), quantity * JELLY_ENTRY / leverage)
    venue = one_tier(JELLY_LEVERAGE, 1 / 6, unload_half_life=half_life, **RULES)
    path = line([(0.0, JELLY_ENTRY), (1_800.0, max(last, 0.02)), (3_600.0, last)], 30.0)
    return stress.simulate(book, venue, path, layers={"vault": stress.Layer(capital=capital)}, fund=0.0, gap=0.0)


def jelly_tables() -> list[tuple[str, Table]]:
    head = ("vault loses, USD", "at the last price", "at worst")
    ends = {
        f"up to the refund price, {JELLY_REFUND:g}": JELLY_REFUND,
        f"up to the high, {JELLY_HIGH:g}": JELLY_HIGH,
        f"back to the settlement, {JELLY_ENTRY:g}": JELLY_ENTRY,
    }
    held = tuple((name, *figures(jelly(last))[:2]) for name, last in ends.items())
    sold = tuple((f"halved in {words(h)}", *figures(jelly(JELLY_REFUND, h))[:2]) for h in SOON)
    small = tuple((f"{c / 1e6:g} M", *figures(jelly(JELLY_REFUND, capital=c))) for c in (0.5e6, 1e6, 2e6, 5e6, 230e6))
    return [
        ("Nothing is sold:", Table(head, held)),
        ("Up to the refund price, the inventory sold by and by:", Table(head, sold)),
        (
            "Up to the refund price, nothing sold, by what the vault may lose:",
            Table(("capital of the vault, USD", *head[1:], "profit that winners forgo"), small),
        ),
    ]


JELLY = Case(
    title="JELLY, Hyperliquid, 2025-03-26",
    story="One trader opened a short of 4 M USD against another account of his and let it be liquidated while the coin "
    "was bought elsewhere. The vault took the short over and had nobody to buy it back from. Its collateral was shared "
    "with the other vaults, so that its loss set off no ADL. Validators settled the market at the entry price.",
    published=(
        Published("short that the vault took over", "4 M USD at 0.0095", ("announcement",)),
        Published("short, elsewhere", "6 M USD", ("aitcommunity",)),
        Published("price at which longs were refunded", "0.037555", ("announcement",)),
        Published("highest price reported", "0.043", ("aitcommunity",)),
        Published(
            "loss of the vault before the settlement", "10.63 M, 12 M, 13.5 M USD", ("coinfomania", "thebittimes")
        ),
        Published("vault after the settlement at 0.0095", "+0.703 M USD", ("announcement",)),
        Published("size of HLP", "230 M USD", ("thogiti",)),
    ),
    assumed=(
        "Leverage of 3, the lowest of the venue's tables, and a maintenance rate of 1/6: the margin is not published. "
        "The trader is said to have withdrawn some; the vault would have lost more.",
        "The book took none of it: every position that is met goes to the vault.",
        "An hour in two straight lines; only the last price matters while nothing is sold. A way back to the entry "
        "goes over 0.02.",
        "Twenty longs without leverage hold the other side.",
    ),
    tables=jelly_tables,
    reading="Nothing here is fitted: the loss is the size of the short times the way up from its bankruptcy price. At "
    "the refund price it stands beside the 10.63 M, at the highest price between the 12 M and the 13.5 M. At the "
    "settlement the vault keeps the margin, 1.33 M, of which 0.70 M was reported. What would have helped is a bound, "
    "as the venue has had since: with 1 M USD at stake the vault hands the short to winners at its cost, at the end of "
    "the step; what a step of half a minute adds until then is the difference of the columns.",
    fails="The model would have let the price run. It knows no validators who settle at the price of a month ago, no "
    "delisting, no buyer who stops when there is no vault left to squeeze. ADL of inventory closes at the vault's "
    "average cost; the venue's own rule for that is not published.",
    sources={
        "announcement": Source("the venue's announcement channel", "2025-03-27", "copy"),
        "aitcommunity": Source("https://aitcommunity.com/news/18947", "2025-03", "secondary"),
        "coinfomania": Source(
            "https://coinfomania.com/jelly-token-delisted-hyperliquid-averts-12m-liquidation-crisis", "2025-03",
            "secondary",
        ),
        "thebittimes": Source(
            "https://thebittimes.com/hyperliquid-hype-jelly-drama-could-have-sparked-a-cex-vs-dex-war-in-crypto-tbt113023"
            ".html", "2025-03", "secondary",
        ),
        "thogiti": Source(
            "https://thogiti.github.io/2025/03/27/Anatomy-DEX-Exploit-Hyperliquid-Perp-JELLY.html", "2025-03-27",
            "secondary",
        ),
    },
)  # fmt: skip

# ------------------------------------------------------------------------------------------------------ POPCAT

POPCAT_WALL, POPCAT_LAST = 0.21, 0.1239
POPCAT_USD, POPCAT_MARGIN, POPCAT_WALLETS = 25.5e6, 2.98e6, 19
POPCAT_LOSS = 4.95e6


def popcat(minutes: float, half_life: float, takeover_below: float = math.inf) -> Result:
    """Nineteen equal longs at the wall, which is taken away: the price falls in so many minutes, then stays."""
    n, q = POPCAT_WALLETS, POPCAT_USD / POPCAT_WALL / POPCAT_WALLETS
    side = np.concatenate([np.ones(n), -np.ones(n)])
    margin = np.concatenate([np.full(n, POPCAT_MARGIN / n), np.full(n, q * POPCAT_WALL)])
    book = stress.Book(side, np.full(2 * n, q), np.full(2 * n, POPCAT_WALL), margin)
    venue = one_tier(10.0, 0.05, unload_half_life=half_life, **RULES | {"takeover_below": takeover_below})
    path = line([(0.0, POPCAT_WALL), (60.0 * minutes, POPCAT_LAST), (3_600.0, POPCAT_LAST)], 10.0)
    return stress.simulate(book, venue, path, layers={"vault": stress.Layer(capital=math.inf)}, fund=0.0, gap=0.0)


def popcat_loss(minutes: float, half_life: float) -> str:
    return millions(popcat(minutes, half_life).paths["inventory_loss"].iloc[0])


def popcat_tables() -> list[tuple[str, Table]]:
    minutes = (1.0, 5.0, 20.0)
    rows = tuple((f"halved in {words(h)}", *map(partial(popcat_loss, half_life=h), minutes)) for h in SOON)
    exit_price = POPCAT_WALL * (1 - (POPCAT_MARGIN + POPCAT_LOSS) / POPCAT_USD)
    implied = ((f"{POPCAT_LOSS / 1e6:g} M, as reported", f"{exit_price:.4f}", f"{exit_price / POPCAT_WALL - 1:+.0%}"),)
    return [
        ("By how long the fall takes:", Table(("vault loses, USD", *(f"{m:g} min" for m in minutes)), rows)),
        (
            "By arithmetic alone, where the vault must have got out:",
            Table(("loss of the vault", "average price", "from the wall"), implied),
        ),
    ]


POPCAT = Case(
    title="POPCAT, Hyperliquid, 2025-11-12",
    story="Nineteen wallets with 3 M USD bought 20 to 30 M USD of a small coin behind a wall of buy orders at 0.21, "
    "which then went away. All of them were liquidated within seconds; the vault took the longs over, and the venue "
    "closed them by hand.",
    published=(
        Published("collateral, wallets", "3 M USD (2.98 M lost), 19", ("particle", "binance-square")),
        Published("liquidated", "25.5 M USD", ("particle",)),
        Published("wall", "20 to 30 M USD at 0.21", ("binance-square", "coinpedia")),
        Published("leverage", "10", ("coinpedia",)),
        Published("price the next morning", "0.1239", ("askcrypto",)),
        Published("loss of the vault", "4.9 M (4.95 M) USD", ("particle",)),
    ),
    assumed=(
        "The 25.5 M are notional at the wall, in nineteen equal longs with 2.98 M of margin.",
        "The book took none of it, and a sale from the inventory moves no price: the fall holds it all.",
        "The fall is a straight line in log price to the price of the next morning, which then stays. How long it took "
        "is not published beyond *within minutes*: three lengths are shown.",
        "Other shorts hold the other side, without leverage.",
    ),
    tables=popcat_tables,
    reading="Held to the end the vault loses half as much again as was reported. The reported loss stands where it "
    "sells half of what it took about as fast as the price falls: in a minute, or in ten of twenty. *Closed by hand "
    "within minutes* is of that order; it is no fit, since price, length and half-life are three unknowns of one "
    "figure. Faster, the vault would have earned what margin there was.",
    fails="The model does not know that the fall is the vault's own doing: with nobody else to buy, its sales are the "
    "price. A finite depth would say how much, and nobody has published this coin's. It holds no other trader who was "
    "drawn in by the wall.",
    sources={
        "particle": Source(
            "https://particle.news/story/hyperliquid-absorbs-49-million-loss-after-orchestrated-popcat-whipsaw-triggers-"
            "mass-liquidations", "2025-11-12", "secondary",
        ),
        "binance-square": Source("https://www.binance.bh/en-AE/square/post/32355561132601", "2025-11-13", "secondary"),
        "coinpedia": Source(
            "https://coinpedia.org/news/popcat-price-crashes-25-after-30m-manipulation-on-hyperliquid-exchange",
            "2025-11", "secondary",
        ),
        "askcrypto": Source(
            "https://www.askcrypto.com/news/meme-coin-chaos-alleged-popcat-manipulation-inflicts-4-9m-loss-on-hyperliquid",
            "2025-11-13", "secondary",
        ),
    },
)  # fmt: skip
