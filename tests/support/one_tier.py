"""A market in which everything grows with open interest: one tier, no cap, infinite depth."""

VENUE = """
[venue]
name = "flat"
[sources.own]
page = "made up"
date = "2024-01-01"
status = "user"
[rules]
[markets.X]
source = "own"
deduction = "flat"
tiers = [[0, inf, 50, 0.01]]
"""
SCENARIO = """
seed = 3

[run]
paths = 300
horizon = "2h"
step = "1min"

[venue]
file = "flat.toml"
market = "X"

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

[fund]
initial = 1e6
alphas = [0.2, 0.05]
"""


def write(folder):
    """The scenario and its venue in a folder; its path."""
    (folder / "flat.toml").write_text(VENUE)
    path = folder / "linear.toml"
    path.write_text(SCENARIO)
    return path
