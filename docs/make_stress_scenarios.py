"""Writes docs/stress-scenarios.md and its picture: stress tests of the quickstart, as the command prints them.

python docs/make_stress_scenarios.py, from anywhere, in a minute or two.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 100  # characters of a line that is printed
PAGE = """# Stress scenarios

Made by `python docs/make_stress_scenarios.py` from `examples/quickstart.toml`; change that, not this page.

## Crashes of the past on the book of today

```
perp-stress scenarios examples/quickstart.toml [--delay 10s --delay 1min] [--depth] [--battery]
                                               [--out FILE] [--picture FILE]
```

plays every episode that comes with the package on the book, the venue and the fund of the scenario, from its price on.
In Python it is `stress.stress_scenarios(scenario)`, a table whose columns its docstring lists.

```text
{crashes}
```

![fund needed by each crash, at three delays](img/stress_scenarios.png)

- **One path each.** What stands there is exact for that path: it has no sampling error, and no probability. From book
  to book draws move by a factor of ten ([history](history.md)).
- **Three delays**, since no venue publishes how late its fills are ([delay](delay.md)), or three gaps where the
  scenario states a gap. The steps of an episode, one or five minutes, cannot tell a delay below half of their length:
  such rows are marked, and the worst is looked for among the others.
- **No depth**, whatever the scenario says: prices of a crash hold the impact of its own liquidations. `--depth` adds
  rows with the scenario's depth, which count it twice.
- **Of another coin.** Episodes of DOGE and SOL are played on any book: read them as a coin of that kind.

## Harder markets

`--battery`, or `stress.stress_battery(scenario)`, simulates the scenario's own model as it is and on two harder
markets, on common random numbers, so that differences in the table (`difference` with its interval) are paired.

| | adverse | severe | why |
|---|---|---|---|
{why}

What is multiplied, by price model:

| model | volatility | jumps |
|---|---|---|
| gbm | `sigma` | none; wicks: `wick_from`, `wick_beta`, `wick_cap` |
| merton | `sigma` | `jump_mean`, `jump_sd`, wicks |
| kou | `sigma` | `eta` is divided, wicks |
| tail-jumps, hawkes-jumps | `sigma` | `sizes`, `beta`, `cap`, wicks |
| regimes | `sigmas` | `sizes`, `beta`, `cap` |
| heston, bates | `sigma`, `vol_of_vol`, `today`: the whole law of the variance | bates: `eta` is divided |
| gjr-garch | `sigma`, `today` | none |
| bootstrap, filtered-bootstrap | every log move of the bars, and a `cap` that is given | none of their own |
| replay, episode | one path: refused | |

How often jumps come is left as it is. What does not apply to a scenario, such as depth without a `[depth]`, more longs
in a book that is given, or in a crowd too small to hold it, is said in `not_changed` and below the table.

```text
{battery}
```

## What empties the fund

```
perp-stress reverse examples/quickstart.toml [--fund 5M] [--out FILE]
```

finds the smallest instantaneous fall and rise that empty the fund, without and, where there is a `[depth]`, with the
cascade; in Python `stress.reverse_table(scenario)`. A scenario with a delay fills after such a jump where the price
went. The price then stays there, so that nobody waits: a limit of positions a second, a rest after a cut and events are
left out, which a note says. With margin calls, or a mark that follows the price by and by, a jump does not tell what is
lost, and the command is refused with the reason; so it is, as `scenarios` is, where the fund that is needed does not
follow from one run (`Result.curve_refused`).

```text
{reverse}
```

**What the probability means.** It is the share of simulated paths, with its exact binomial interval, whose price is at
or beyond that level at any time within the horizon, lows and highs counted. It is *not* the probability that the fund
is depleted, and no bound of that:

- not sufficient: a price that takes hours to get there meets positions one after the other, and each of them fills near
  its trigger;
- not necessary: a fall and a rise, several waves, or an order book that has not recovered may empty a fund without any
  single move of that size.

What depletion has for a probability, says `perp-stress run`. Where the prices are drawn from bars, or fitted to bars by
the scenario, the table also says how many windows of the history, one after the other and as long as the horizon, hold
the move from their start.

The last table (`stress.reverse_episodes`) multiplies the log moves of each episode until the fund is empty: below 1 a
milder crash would do, above 1 it takes a worse one. Here a larger factor need not cost more, since positions are met at
other times: it is the first of 40 factors from 0.1 to 5 that empties the fund, refined by bisection.
"""
WHY = (
    (
        "volatility", "x 1.5", "x 2",
        "volatility of 30 days over that of all hours, BTC spot 2017 to 2022: 1.47 at the 90 % quantile, 1.88 at 95 %, "
        "2.26 at 99 %",
    ),
    (
        "jumps", "x 1.25", "x 1.5",
        "largest fall of an hour in these bars over the next one, in log price: 0.282 / 0.179 = 1.6; adverse is half "
        "of the way",
    ),
    (
        "depth", "x 0.5", "x 0.25",
        "asks of BTCUSDT on 2025-10-10 ([depth](depth.md)): half at a log move of 7 %, a quarter at 17 %, an upper "
        "bound",
    ),
    (
        "accounts that are long", "70 %", "80 %",
        "Binance's ratio of long accounts was 56 to 69 %; severe is assumed, beyond what was seen",
    ),
)  # fmt: skip


def printed(*arguments: str) -> str:
    """What the command prints on standard output, in lines of at most WIDTH characters."""
    command = [sys.executable, "-m", "stress", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True
    )
    lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
    return "\n".join(
        textwrap.fill(line, WIDTH, break_on_hyphens=False) if len(line) > WIDTH else line for line in lines
    )


def main() -> None:
    picture = "docs/img/stress_scenarios.png"
    scenario = "examples/quickstart.toml"
    text = printed("scenarios", scenario, "--battery", "--picture", picture)
    crashes, _, battery = text.partition("\n\nHarder markets")
    why = "\n".join(f"| {' | '.join(row)} |" for row in WHY)
    page = PAGE.format(
        why=why, crashes=crashes, battery=f"Harder markets{battery}", reverse=printed("reverse", scenario)
    )
    (ROOT / "docs" / "stress-scenarios.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
