"""Writes docs/inputs.md from the columns that the readers know: `python docs/make_inputs.py`, from anywhere."""

from __future__ import annotations

from pathlib import Path

from stress.cli.columns import KINDS

PAGE = Path(__file__).with_name("inputs.md")
INTRO = """\
# Files of your own

Made by `python docs/make_inputs.py` from `stress/book/position_columns.py`, `stress/prices/bar_table.py` and
`stress/venue/tiers/aliases.py`; change those, not this page. `perp-stress columns` prints the same.

A file may be text with any separator, a spreadsheet, JSON as a venue or ccxt gives it, parquet or feather
([files of others](files.md)). A title is compared without case, blanks, `_`, `-`, `.` and what stands in brackets;
other columns are ignored. What is done to a row, or read in another sense, is an adjustment, which terminal, report and
`summary.json` show.

## Rules for positions

- **Rows.** Totals of spreadsheets, blank, closed and flat rows (size 0), and rows of other markets are left out and
  counted.
- **Market.** Any usual spelling of the coin will do: BTC, BTCUSDT, BTC-USDT-SWAP, BTC/USDT:USDT, XBTUSD. The currency
  counts where a file holds the coin in two. Without the column, `book.market` (`market=` in Python) names it.
- **Side.** Words (long, short, buy, sell, L, S, B, A, 1, -1), or the sign of the size.
- **Size.** Coins. Contracts are multiplied by `contract_size`; without one, or without any size, the size is the
  notional over the mark price, or over the entry price where there is no mark. A size whose value is more than
  three times its notional, or less than a third, is refused: it does not count coins.
- **Mark.** `mark_price`; or `notional` over size, unless those are values at entry; or the price at which the
  unrealised profit is made; or that of the scenario, `book.mark_price` or `prices.s0`.
- **Margin of an isolated position.** `margin`; or `isolated_margin` (or `collateral`) less the unrealised profit; or
  `initial_margin`; or size x entry price / leverage; or the equity of the account less the unrealised profit.
- **Cross positions** have no margin of their own, and a 0 there is none. The model knows isolated margin alone, so each
  is taken as isolated with what its account holds for it at the mark: its share of `account_equity` by notional; or
  `isolated_margin` or `initial_margin`; or size x mark price / leverage; each less the unrealised profit.
- **A margin below 0** is a profit that was withdrawn. The equity at the mark must be above 0.
- **Balance.** Long and short quantity must be equal. A difference of up to 1e-4 of the larger side is a rounding, and
  that side is scaled; for more, `book.imbalance` says what to do.
- **Two columns of one meaning** must agree.
- **Inverse contracts.** Where the currency of the margin is the coin of the market, amounts are in coin, and sizes are
  contracts (of `contract_size` USD, 1 without it) or a notional in USD. BitMEX's USDt are millionths of a USDT.
"""
HEADINGS = {"positions": "Columns of positions", "bars": "Columns of bars", "tiers": "Columns of margin tiers"}


def render() -> str:
    """The page."""
    parts = [INTRO]
    for kind, (_, describe) in KINDS.items():
        rows = [(f"`{name}`", meaning, titles) for name, meaning, titles in describe()]
        table = [("column", "meaning", "titles"), ("---", "---", "---"), *rows]
        parts.append(f"## {HEADINGS[kind]}\n\n" + "".join(f"| {' | '.join(_cells(row))} |\n" for row in table))
    return "\n".join(parts)


def _cells(row: tuple[str, ...]) -> list[str]:
    return [cell.replace("|", "\\|").replace("<", "&lt;") for cell in row]


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
