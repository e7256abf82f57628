"""Writes docs/attacks.md: attacks on a venue, their defences, and JELLY and POPCAT. `python docs/make_attacks.py`.

Every figure is measured when the page is made; the crowd and the random markets are made up, and need no data.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import stress  # noqa: E402
from docs.cases import vault as cases  # noqa: E402
from stress.analysis.attacks.attack import KINDS, AttackResult  # noqa: E402
from stress.analysis.attacks.queues import EARLIER, PARTS, TILT  # noqa: E402
from stress.formatting import percent, usd, usd_range  # noqa: E402

PAGE = ROOT / "docs" / "attacks.md"
PICTURE = ROOT / "docs" / "img" / "attack_vault.png"
WIDTH = 120
DEPTHS = (50e3, 200e3, 1e6)  # USD within 1 % of the price, of a coin that is pushed
UNLIMITED = 1e9  # USD, of a vault that is never exhausted
INTRO = """\
# Attacks

Made by `python docs/make_attacks.py`; change the script, not this page.

What a trader can take from a venue by the design of orders rather than by being right, and what a defence leaves of it.

```
perp-stress attack KIND [--set KEY=VALUE] [--defence KEY=VALUE] [--out FILE] [--picture FILE]
```

In Python `stress.attack(kind, defence=..., **conditions)`. The attacker searches a grid of size, leverage, push and
time; the market, the depth, the rules and the caps are conditions (`stress.analysis.attacks.conditions.Conditions`). A
defence is the same study with keys changed. The presets are made up: they show shapes and orders of magnitude, and a
venue has to put its own figures.

## How it is measured

- **Through the engine.** The attacker is an agent outside the crowd, whose accounts are positions of the book: they are
  liquidated, deleveraged and ranked by the venue's rules like any other. The event log is read again for the money.
- **Profit** is final less initial wealth of all accounts and trades of the attacker. **Every dollar has an owner**:
  attacker, crowd, fund, vault, those who trade with forced orders, those who trade with a push, trading fees, what
  nobody paid. Each ledger adds to zero to a billionth of the money in it, or the run stops.
- **A push** buys (sells) coins where the index is made, along the curve h of [the model](model.md). The index follows
  `index_weight` times that displacement and no further, whatever forced orders do to the perpetual's own book, which
  stands around the index. By itself a push never pays: its round trip costs what the book recovers in between,
  S (H(v) at the end + what recovery took from H), at least zero for every curve and every order of trades.
- **Capital** is margins, and coins of a push paid in full, at the worst moment.
- **Exits** walk the book from where forced orders have left it; accounts on both sides close against each other. An
  order that would leave an account with less than nothing is refused: then both sides stay open.
- **What is open in the end** is valued at the fair price, to which a pushed index returns, or at the last price of a
  random path.
- **Exact or random.** Where nothing is random a gain is exact given depth and rules, and has no interval. Gains of
  random markets are means over paths with 95 % intervals; the best of a grid is chosen on the same paths and looks
  better than it is.
- **Left out**: arbitrage against a push, traders who follow it, displacements beyond the price itself (an index can
  fall by less than `largest`, and rise by no more), margin across accounts, a venue that stops the market or takes the
  profit back. A cap binds one owner: who hides behind nineteen wallets is nineteen owners to it.
"""
DEFENCES: dict[str, tuple[Mapping[str, Any], ...]] = {
    "drain": (
        {"position_cap": "5M"},
        {"margin_addon": "0.02"},
        {"mark": "ema", "mark_half_life": "10min"},
        {"depth": "50M"},
    ),
    "reopen": ({"policy": "pro_rata"}, {"score": "size"}, {"trading_fee": "0.002"}, {"fund": "10M"}),
    "vault": (
        {"position_cap": "1M"},
        {"vault": "500k"},
        {"mark": "ema", "mark_half_life": "1h"},
        {"mark": "clamp", "mark_clamp": "0.00005"},
        {"margin_addon": "0.02"},
        {"index_weight": "0.3", "push": "0.2"},
        {"unload_half_life": "inf"},
    ),
    "bad_tick": ({"position_cap": "500k"}, {"tick": "0.97"}, {"mark": "clamp"}, {"depth": "50M"}),
    "stale": ({"hold": "1min"}, {"max_leverage": "20", "leverage": "20"}, {"position_cap": "1M"}),
    "pull": ({"position_cap": "1M"}, {"cascade": "0.3"}, {"depth": "20M"}),
}
READ = {
    "drain": "A small trade with oneself loses fees, and the margin that the venue keeps of whoever it liquidates in "
    "time. What pays is size against depth: the liquidation of the losing leg displaces the book, the fund pays for "
    "that, and the winning leg buys there; or a push far beyond the margin of a large leg, of which the fund pays all "
    "that it has. An average mark does not follow a push, but liquidates later when a jump is real.",
    "reopen": "Against staying in the queue, path by path. The haircut that one trader avoids is another's, and the "
    "fees decide whether it is worth it.",
    "vault": "The vault is the counterparty of last resort: what it holds it bought at the bankruptcy price, and buys "
    "back, or does not, while the push is on. Where it does, its own orders pay the exit of the other leg; held to the "
    "end, it keeps the margin. Caps and add-ons act on size, which is what the profit grows with.",
    "bad_tick": "Nobody needs to make the tick: who is short when it comes gains what forced sales displace the book "
    "by. Filters of the source do not help, since the mark itself is wrong.",
    "stale": "The same trade with oneself, opened when the mark stops, on random paths. While the mark stands nobody "
    "is liquidated in time, so that the losing leg runs past its margin.",
    "pull": "Against the same short with the orders left in the book, which then take their share of what forced sales "
    "cost. Pulling pays where the short is large beside that share; a highly levered short is first in the queue of "
    "ADL that it has set off.",
}


def fold(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    rule = ("---", *["---:"] * (len(head) - 1))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def gain(row: Any) -> str:
    """A gain with its interval, if it has one."""
    return usd(row["gain"]) + (f" ({usd_range(row['low'], row['high'])})" if row["paths"] > 1 else "")


def way(row: Any) -> str:
    """The place of a row in the grid."""
    parts = [usd(row["size"]), f"{row['leverage']:g}x"]
    parts += [percent(row["push"])] if row["push"] else []
    parts += [f"{row['hold']:g} s"] if row["hold"] else []
    return f"{row['way']}: {', '.join(parts)}"


def measured(name: str, one: AttackResult) -> tuple[str, ...]:
    best, least = one.best, one.cheapest
    if best is None:
        return (name, "every way is refused", *["–"] * 5)
    cheap = "none" if least is None else f"{usd(least['capital'])} gains {usd(least['gain'])}"
    losses = (usd(best["venue_loss"]), usd(best["crowd_loss"]))
    return (name, way(best), gain(best), usd(best["capital"]), *losses, cheap)


HEAD = ("defence", "best way", "gain", "capital", "venue loses", "crowd loses", "least capital with a gain")


def section(kind: str) -> str:
    """A kind, its defences, and who pays in its best way."""
    rows, first = [], None
    for defence in DEFENCES[kind]:
        found = stress.attack(kind, defence=defence) if first is None else None
        first = found or first
        assert first is not None
        if not rows:
            rows.append(measured("none", first))
        other = found.defended if found is not None else stress.attack(kind, **defence)
        assert other is not None
        rows.append(measured(", ".join(f"{key}={value}" for key, value in defence.items()), other))
    assert first is not None
    changes = first.ledger()
    paid = [(r.party, usd(r.change)) for r in changes.itertuples() if abs(r.change) >= 0.5]
    ledger = "Who gains and who loses in the best way: " + "; ".join(f"{party} {money}" for party, money in paid) + "."
    return "\n\n".join([_title(kind), table(HEAD, rows), fold(ledger), fold(READ[kind])])


def _title(kind: str) -> str:
    words = KINDS[kind][2]
    return f"## `{kind}`: {words}"


def split() -> str:
    """Every rule of ADL, and what a Sybil saves under it."""
    found = stress.attack("split")
    splits = [(tilted, count) for tilted in (0.0, 1.0) for count in map(float, PARTS)]
    rows = []
    for (rule, leverage), part in found.table.groupby(["way", "leverage"], sort=False):
        by = {(r["tilted"], r["accounts"]): r for r in part.to_dict("records")}
        saved = [_saved(by[key]) if key in by else "refused" for key in splits]
        rows.append((rule, f"{leverage:g}x", usd(part["adl_alone"].iloc[0]), *saved))
    c = found.conditions
    text = (
        f"A short of {usd(c.size[0])} that entered {percent(EARLIER)} higher; then a fall of {percent(c.move)} at "
        "once, and no fund. What ADL takes of one account, and what the same position with the same margin saves as "
        f"several: equal ones, and tilted, where half of them have given {percent(TILT)} of their margin to the "
        "other half. Where *equal* is zero a rule does not see accounts; where it is not, a Sybil is paid, or pays: "
        "drawn by lot, more accounts are drawn more often. Splitting costs nothing in the model."
    )
    words = [f"{count:g} {'tilted' if tilted else 'equal'}" for tilted, count in splits]
    return "\n\n".join([_title("split"), fold(text), table(("rule", "leverage", "ADL takes of one", *words), rows)])


def _saved(row: Any) -> str:
    """What a split saves, with its 95 % half-width where a rule draws by lot."""
    return usd(row["adl_saved"]) + (f" ± {usd(1.96 * row['se'])}" if row["paths"] > 1 else "")


def published(case: Any, words: str) -> str:
    """A published figure of a case, by what it is of."""
    return next(p.figure for p in case.published if p.what.startswith(words))


def incidents() -> Iterator[str]:
    """JELLY and POPCAT: published sizes, by the depth of the market that is pushed, which nobody has published."""
    alone = {
        "crowd": 20, "interest": 1.0, "trading_fee": 0.0, "step": 30.0, "ramp": 20, "unwind": "1h", "hold": 0,
        "unload_half_life": "inf", "vault": UNLIMITED,
    }  # fmt: skip
    jelly = {
        "price": cases.JELLY_ENTRY, "size": cases.JELLY_USD, "leverage": cases.JELLY_LEVERAGE,
        "max_leverage": cases.JELLY_LEVERAGE, "maintenance": 1 / 6, "direction": "up", "push": 0.89, "depth": 200e3,
    }  # fmt: skip
    yield "## JELLY and POPCAT\n\n" + fold(
        "Sizes, prices and leverages as in [cases](cases.md), where their sources are; the depth of the coin was not "
        "published, so that it is varied. The push is one buyer (seller) with nobody else on that side, no other "
        "position is in the book, and the vault holds what it takes over."
    )
    head = (
        "depth within 1 %", "index moves by", "vault loses at the pushed price", "cost of the push", "capital", "gain",
    )  # fmt: skip
    lost = published(cases.JELLY, "loss of the vault")
    needed = cases.JELLY_REFUND / cases.JELLY_ENTRY
    at_refund = cases.JELLY_USD * (needed - 1 - 1 / cases.JELLY_LEVERAGE)
    yield f"**JELLY**, published loss of the vault: {lost}."
    yield table(head, [_incident(jelly | alone, depth) for depth in DEPTHS])
    yield fold(
        f"Where it fails: the coin rose to {needed:.2f} times its price, and a book of this model is displaced by less "
        f"than its own price. The loss of the vault is size times the move beyond the margin, so that it stays as far "
        f"below the published one as the move does; at {needed:.2f} times the same arithmetic gives {usd(at_refund)}. "
        "Real buyers were many, and drawn in by the squeeze."
    )
    move = 1 - cases.POPCAT_LAST / cases.POPCAT_WALL
    popcat = {
        "price": cases.POPCAT_WALL, "size": cases.POPCAT_USD, "leverage": cases.POPCAT_USD / cases.POPCAT_MARGIN,
        "max_leverage": 10, "maintenance": 0.05, "direction": "down", "push": move, "depth": 1e6,
    }  # fmt: skip
    lost, posted = published(cases.POPCAT, "loss of the vault"), published(cases.POPCAT, "collateral")
    held = cases.POPCAT_USD * move - cases.POPCAT_MARGIN
    yield f"**POPCAT**, published loss of the vault: {lost}; collateral and wallets of the attacker: {posted}."
    yield table(head, [_incident(popcat | alone, depth) for depth in DEPTHS])
    yield fold(
        f"A vault that holds all of it at the last price loses {usd(held)}, by arithmetic and in the table; the "
        "published loss is smaller, since the position was closed by hand on the way. The gain is that of a hedged "
        "attacker, who holds the other side in the same market and leaves at the pushed price; of the real one only "
        "the lost collateral is known, so that it cannot be checked, and the capital, which counts the hedge and "
        "the coins, is no estimate of what was needed. Where it fails: the wall of bids that went away was the "
        "attacker's own and cost nothing to pull, and here the fall is sales that have to be paid for; nineteen "
        "wallets are one account."
    )


def _incident(conditions: Mapping[str, Any], depth: float) -> tuple[str, ...]:
    row = stress.attack("vault", **conditions, push_depth=depth).best
    assert row is not None
    money = (row["vault_loss_pushed"], row["push_cost"], row["capital"], row["gain"])
    return (usd(depth), percent(row["index_move"]), *map(usd, money))


def render() -> str:
    kinds = [split() if kind == "split" else section(kind) for kind in KINDS]
    picture = "![gain of an attack on the vault over the capital it takes](img/attack_vault.png)"
    return "\n\n".join([INTRO.strip(), *kinds, picture, *incidents()]) + "\n"


def draw() -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from stress.plots import plot_attack

    found = stress.attack("vault", defence={"position_cap": "1M"})
    figure: Any = plot_attack(found).figure
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    draw()
