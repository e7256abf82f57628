"""The naive twin: docs/model.md and docs/mechanics-model.md again, one path at a time, slow and obvious.

It judges the engine, so it shares no code with it: plain floats, lists and loops, every position looked at every time,
the books of account checked at every event. Sections are those of docs/model.md; II.n is section n of
docs/mechanics-model.md.

Symbols: s side (+1 long, -1 short), q quantity, e entry price, m margin, P a price, M the mark, x the exogenous price
of the moment, y the exogenous price an order is filled from, F fill, B bankruptcy price, L liquidation price, U
unrealised profit, E equity, MM maintenance margin, R residual, D deficit, u what the cash layers left unpaid, v what
the book has absorbed and not recovered, h(v) its displacement, H(v) its integral, G funding accumulated per coin.

| module | section |
|---|---|
| `records` | what goes in and what comes out |
| `position` | 2, II.9: one position |
| `market` | 3, II.7, II.12: the book, the price in time, the mark |
| `adl` | 7: scores and sharing rules |
| `layers` | 6, II.3, II.4: cash layers, the carrier |
| `ledger` | 8: the books of account |
| `state` | what one path holds, and who is paid |
| `closing` | 5, II.2, II.3, II.6, II.11: orders, take-overs, calls |
| `deleverage` | 7, II.3, II.4: an ADL event, socialised losses |
| `design` | 4, II.1, II.5, II.8, II.11: the steps of a path |
"""
