"""Tables of studies as `stress.runs.studies` makes them, with made-up figures."""

import math

import pandas as pd


def studies() -> dict[str, pd.DataFrame]:
    """A crash that depletes the fund and one that these steps cannot tell; a fall and a rise; three inputs."""
    crash = {
        "scenario": "flash", "title": "Flash crash: an evening", "kind": "episode", "delay": 60.0, "gap": math.nan,
        "jump_gap": 1.0, "depth": False, "fall": -0.13, "rise": 0.01, "liquidated": 9_000, "fund_needed": 2.3e6,
        "fund_left": 0.0, "depleted": True, "adl_money": 4.1e5, "adl_accounts": 11, "told": True, "note": "",
        "worst_bucket": "20 to 50x",
    }  # fmt: skip
    calm = {"scenario": "slide", "title": "Slide: a day", "delay": 10.0, "fall": -0.5, "fund_needed": 9e6,
            "depleted": False, "adl_money": 0.0, "adl_accounts": 0, "told": False, "worst_bucket": ""}  # fmt: skip
    move = {
        "direction": "fall", "cascade": False, "move": -0.051, "price": 57_000.0, "liquidated": 100,
        "liquidated_notional": 3e8, "needed": 1.8e6, "probability": 0.08, "probability_low": 0.075,
        "probability_high": 0.086, "paths": 10_000, "horizon": 86_400.0, "note": "lows are counted",
    }  # fmt: skip
    rise = {"direction": "rise", "move": 0.062, "probability": 0.0, "probability_low": 0.0,
            "probability_high": 3.7e-4, "note": ""}  # fmt: skip
    inputs = [
        {
            "key": key, "low_value": low, "high_value": high, "alpha": 0.001, "base_fund": 4e6, "fund_at_low": a,
            "fund_at_high": b, "swing": b - a, "swing_se": 2e5, "why": "by its range", "note": "",
        }
        for key, low, high, a, b in (
            ("population.open_interest", "1e9", "4e9", 2e6, 8e6), ("run.delay", "10s", "5min", 1e6, 1.2e7),
            ("venue.fee_rate", "0", "0.01", 4e6, 4.1e6), ("prices.sigma", "0.5", "0.7", 3e6, 5e6),
        )
    ]  # fmt: skip
    margins = [
        {
            "change": change, "quantity": quantity, "base": base, "value": base + more, "difference": more,
            "se": abs(more) / 4, "low": more - abs(more) / 2, "high": more + abs(more) / 2, "unit": unit, "note": "",
            "positions": 21_676, "notional": 1.1e9, "at_once": 363 if change.startswith("main") else 0,
        }
        for change, scale in (("one turn less from 5x on", 1.0), ("maintenance + 1 point", 2.0))
        for quantity, base, more, unit in (
            ("P(fund depleted, ADL triggered)", 0.05, -0.004 * scale, ""),
            ("fund for alpha = 0.001", 4e6, -1e6 * scale, "USD"),
        )
    ]  # fmt: skip
    advice = [
        {
            "part": part, "asked": asked, "verdict": verdict, "measure": "hit rate", "estimate": 2.5, "low": 2.0,
            "high": 3.1, "unit": "", "note": "", "text": "2.5 times (2 to 3.1) as often.", "command": "perp-stress adl",
        }
        for part, asked, verdict in (
            ("claim", "Larger positions go first.", "holds"), ("question", "Will I be told?", ""),
        )
    ]  # fmt: skip
    tables = {"scenarios": [crash, crash | calm], "reverse": [move, move | rise], "tornado": inputs, "margins": margins}
    tables["advice"] = advice
    return {name: pd.DataFrame(rows) for name, rows in tables.items()}
