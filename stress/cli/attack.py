"""The command that lets an attacker search a grid, with and without a defence of the venue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stress.cli import output
from stress.cli.common import Paths, Quiet, guarded, with_bar
from stress.errors import InputError, Problem
from stress.formatting import duration, percent, usd, usd_range, visible

if TYPE_CHECKING:
    import pandas as pd

    from stress.analysis.attacks.attack import AttackResult

MOST = 12  # rows that are shown
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a condition or the grid, as depth=1M or size=1M,5M."),
]
Seed = Annotated[int | None, typer.Option(help="Change the seed.")]


@guarded
def attack(
    kind: Annotated[str, typer.Argument(help="drain, split, reopen, vault, bad_tick, stale or pull.", metavar="KIND")],
    set_: Set = None,
    defence: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Run it also with this condition changed, as position_cap=1M or mark=ema; may be given again.",
        ),
    ] = None,
    out: output.Table = None,
    picture: output.Picture = None,
    seed: Seed = None,
    paths: Paths = None,
    quiet: Quiet = False,
) -> None:
    """Let an attacker search for his best profit, and what it costs the venue."""
    from stress.analysis.attacks.attack import attack as run

    output.check_files(out, picture)
    given = pairs(set_, "--set")
    given |= {} if seed is None else {"seed": seed}
    given |= {} if paths is None else {"paths": paths}
    against = pairs(defence, "--defence")
    found = with_bar(quiet, lambda bar: run(kind, defence=against or None, progress=bar, **given), "ways")
    if not quiet:
        print_attack(found)
    output.keep_table(table_of(found), out, quiet)
    if picture is not None:
        from stress.plots import plot_attack

        output.put_picture(lambda: plot_attack(found), picture)


def pairs(texts: list[str] | None, option: str) -> dict[str, Any]:
    """Keys and values of an option that is given several times."""
    found: dict[str, Any] = {}
    for text in texts or []:
        key, equals, value = text.partition("=")
        if not equals or not key.strip().isidentifier():
            raise InputError(Problem(option, "KEY=VALUE, as depth=1M", value=text))
        found[key.strip()] = value.strip()
    return found


def table_of(found: AttackResult) -> pd.DataFrame:
    """All ways with and without the defence, which the first column names."""
    import pandas as pd

    return pd.concat([one.table.assign(defence=name) for name, one in found.sides()], ignore_index=True)


def print_attack(found: AttackResult) -> None:
    """The best way in a sentence, all ways, who pays, and what a defence leaves."""
    from stress.analysis.attacks.attack import KINDS
    from stress.cli.console import console, table

    out = console()
    out.print(visible(best_in_words(found), keep="\n"))
    for name, one in found.sides():
        if one.table.empty:
            out.print(f"\nWith {visible(name)} every way is refused.")
            continue
        shown = one.table.sort_values("gain", ascending=False).head(MOST)
        words = "" if found.defended is None else f", {'without a defence' if name == 'none' else f'with {name}'}"
        out.print(f"\n{KINDS[found.kind][2][0].upper()}{KINDS[found.kind][2][1:]}{visible(words)}\n")
        out.print(
            table(
                ["way", *_heads(shown), "gain", "95 % interval", "cost", "capital", "venue loses"], _rows(shown), left=1
            )
        )
        if len(one.table) > MOST:
            out.print(f"\nThe best {MOST} of {len(one.table)} ways.")
        for why, count in one.refused.items():
            out.print(f"\n{count} ways are refused: {visible(why)}.")
    if found.unused:
        out.print(f"\nNote: no part in this kind of attack: {', '.join(found.unused)}.")
    out.print("\nWho gains and who loses in the best way, USD; it adds to zero\n")
    sides = [(name, one.ledger().set_index("party")["change"]) for name, one in found.sides()]
    parties = [p for p in sides[0][1].index if any(abs(change[p]) >= 0.5 for _, change in sides)]
    names = ["party", *("no defence" if name == "none" else visible(name) for name, _ in sides)]
    out.print(table(names, [(p, *(_signed(change[p]) for _, change in sides)) for p in parties]))
    random = any(one.is_random for _, one in found.sides())
    out.print(
        "\ngain: final wealth less initial, of all accounts and trades of the attacker. cost: of it, for pushing, fees "
        "and walking the book; below 0 where forced orders had displaced it the right way. capital: margins, and coins "
        "of a push paid in full. venue: fund, vault, and what nobody paid."
    )
    exact = "Ways without an interval are exact given depth and rules: nothing in them is random."
    chosen = " The best of several ways on the same paths looks better than it is." if random else ""
    out.print(f"{exact}{chosen}")


def _heads(shown: pd.DataFrame) -> list[str]:
    """Columns of the grid that vary or are used."""
    return [name for name in ("size", "leverage", "push", "hold", "accounts") if _used(shown, name)]


def _used(shown: pd.DataFrame, name: str) -> bool:
    return name in shown and bool((shown[name] != 0).any())


def _rows(shown: pd.DataFrame) -> list[tuple[str, ...]]:
    heads, rows = _heads(shown), []
    write: dict[str, Any] = {
        "size": usd, "leverage": lambda x: f"{x:g}x", "push": percent, "hold": lambda x: duration(x) if x else "0",
        "accounts": lambda x: f"{x:.0f}",
    }  # fmt: skip
    for r in shown.to_dict("records"):
        interval = usd_range(r["low"], r["high"]) if r["paths"] > 1 else "exact"
        tilted = ", tilted" if r.get("tilted") else ""
        cells = (write[name](r[name]) for name in heads)
        money = (usd(r["gain"]), interval, usd(r["cost"]), usd(r["capital"]), usd(r["venue_loss"]))
        rows.append((f"{r['way']}{tilted}", *cells, *money))
    return rows


def _signed(x: float) -> str:
    return "0" if abs(x) < 0.5 else usd(x)


def best_in_words(found: AttackResult) -> str:
    """The largest gain and the least capital, with the defence beside it."""
    said = []
    for name, one in found.sides():
        best, cheap = one.best, one.cheapest
        lead = "" if found.defended is None else ("Without a defence: " if name == "none" else f"With {name}: ")
        if best is None:
            said.append(f"{lead}every way is refused.")
            continue
        interval = f" ({usd_range(best['low'], best['high'])})" if best["paths"] > 1 else ""
        text = f"{lead}the best way gains {usd(best['gain'])}{interval} with {usd(best['capital'])} of capital"
        text += f"; the venue loses {usd(best['venue_loss'])}."
        if cheap is None:
            text += " No way gains for sure." if best["paths"] > 1 else " No way gains."
        else:
            text += f" Least capital with a gain: {usd(cheap['capital'])}, which gains {usd(cheap['gain'])}."
        said.append(text)
    return "\n".join(s[0].upper() + s[1:] for s in said)
