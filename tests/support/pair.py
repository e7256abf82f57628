"""A scenario of one long and one short, whose losses are worked out by hand."""

from __future__ import annotations

S0, QUANTITY, MARGIN = 60_000.0, 1.0, 3_000.0
BANKRUPTCY = S0 - MARGIN / QUANTITY  # of the long, which is 20 times levered
TRIGGER = BANKRUPTCY / (1 - 0.004)  # the first tier of Binance's BTCUSDT
POSITIONS = """account,market,side,size,entry_price,margin
long,BTCUSDT,long,1,60000,3000
short,BTCUSDT,short,1,60000,6000
"""
PAIR = """
name = "pair"
seed = 5

[run]
paths = 20_000
horizon = "1d"
step = "1h"
gap = 1.0

[venue]
preset = "binance"
market = "BTCUSDT"
rules = "simple"

[book]
file = "positions.csv"

[prices]
model = "gbm"
s0 = 60_000.0
sigma = 1.5

[fund]
initial = 1_000.0
alphas = [0.1]
"""


def write_pair(folder):
    """The scenario with its positions in a folder; its path."""
    (folder / "positions.csv").write_text(POSITIONS)
    path = folder / "pair.toml"
    path.write_text(PAIR)
    return path
