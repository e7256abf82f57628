"""The naive twin: the model of docs/model.md again, one path at a time, slow and obvious.

It judges the engine, so it shares no code with it: plain floats, lists and loops, every position looked at every time,
the books of account checked at every event. Section numbers are those of the model page.

Symbols: s side (+1 long, -1 short), q quantity, e entry price, m margin, P a price, M the mark, x the exogenous price
of the moment, y the exogenous price an order is filled from, F fill, B bankruptcy price, L liquidation price, U
unrealised profit, E equity, MM maintenance margin, R residual, D deficit, u what the cash layers left unpaid, v what
the book has absorbed and not recovered, h(v) its displacement, H(v) its integral, G funding accumulated per coin.

| module | section |
|---|---|
| `records` | what goes in and what comes out |
| `position` | 2, 17: one position |
| `market` | 3, 18, 19, 21: the book, the price in time, the mark |
| `adl` | 7: scores and sharing rules |
| `layers` | 6, 12, 13: cash layers, the carrier |
| `ledger` | 8: the books of account |
| `state` | what one path holds, and who is paid |
| `closing` | 5, 11, 12, 15: orders and take-overs |
| `deleverage` | 7: an ADL event |
| `design` | 4, 14, 16, 20: the steps of a path |
"""
