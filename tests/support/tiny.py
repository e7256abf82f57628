"""A scenario small enough for a test, with deficits, ADL and both sides hit."""

TINY = """
name = "tiny"
seed = 3

[run]
paths = 40
horizon = "2h"
step = "1min"

[venue]
preset = "binance"
market = "BTCUSDT"
rules = "simple"

[population]
mix = "extreme"
seed = 3
accounts = 200
open_interest = 2e8

[prices]
model = "kou"
s0 = 60_000.0
sigma = 1.0
intensity = 3000.0
p_up = 0.4
eta_up = 30.0
eta_down = 20.0

[depth]
usd = 2e7
passthrough = 0.5

[fund]
initial = 1e5
alphas = [0.2, 0.01]
"""

# the same with jumps of at most 12 % and a tail, whose smallest probability hangs on that cap
CAPPED = TINY.replace("[venue]", "tail = 0.001\n\n[venue]").replace("paths = 40", "paths = 800")
CAPPED = (
    CAPPED[: CAPPED.index("[prices]")]
    + """[prices]
model = "tail-jumps"
s0 = 60_000.0
sigma = 0.6
intensity_up = 300.0
intensity_down = 400.0
sizes_up = [0.005, 0.006, 0.009]
sizes_down = [0.005, 0.007, 0.012]
tail_up = 0.1
tail_down = 0.15
xi_up = 0.8
xi_down = 0.8
beta_up = 0.01
beta_down = 0.01
cap_up = 0.12
cap_down = 0.12

[depth]
usd = 2e7
passthrough = 0.5

[fund]
initial = 1e6
alphas = [0.02, 1e-3]
"""
)

POSITIONS = """account,market,side,size,entry_price,margin
007,BTCUSDT,long,10,7300,7000
NA,BTCUSDT,long,20,7300,4000
"x, y",BTCUSDT,short,30,7350,60000
"""

BARS = """open_time,open,high,low,close
2020-03-12T10:00Z,7300,7310,7250,7260
2020-03-12T10:01Z,7260,7270,6500,6600
2020-03-12T10:02Z,6600,6900,6590,6880
"""

REPLAY = """
[venue]
preset = "binance"
market = "BTCUSDT"
rules = "simple"

[book]
file = "positions.csv"

[prices]
model = "replay"
bars = "bars.csv"

[fund]
initial = 100.0
alphas = [0.01]

[run]
gap = 0.5
"""


def write_replay(folder):
    """The replay scenario with its files in a folder; its path."""
    (folder / "positions.csv").write_text(POSITIONS)
    (folder / "bars.csv").write_text(BARS)
    path = folder / "crash.toml"
    path.write_text(REPLAY)
    return path
