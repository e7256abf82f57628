"""What the numbers of a run depend on, in plain words."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from stress.formatting import duration, notional, percent, significant, usd
from stress.prices import MODELS
from stress.results import mechanics, summaries
from stress.venue.rules import phrase

if TYPE_CHECKING:
    from stress.runs.record import Record

MODEL_WORDS = {
    "kou": "Kou jump diffusion",
    "tail-jumps": "observed jumps with heavy tails",
    "hawkes-jumps": "jumps that excite each other",
    "regimes": "volatility that switches between regimes",
    "gbm": "diffusion without jumps",
    "merton": "Merton jump diffusion",
    "heston": "Heston stochastic volatility",
    "bates": "Bates stochastic volatility with jumps",
    "gjr-garch": "GJR-GARCH with Student-t shocks",
    "bootstrap": "resampled history",
    "filtered-bootstrap": "resampled history at filtered volatility",
    "replay": "replay of history",
    "episode": "a crash of the past",
    "paths": "price paths as given",
}


def marked(text: str) -> Markup:
    """Text for the page: what stands in backticks as code, and letters that few fonts have as plain ones."""
    plain = str(escape(text)).replace("Ⓢ", "S")
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", plain))


def proposed_jump_gap(scenario: dict[str, Any]) -> tuple[float, float] | None:
    """The range of jump_gap that the bars behind a price model with jumps propose, if the scenario has one."""
    prices = scenario.get("prices") or {}
    found = (prices.get("provenance") or {}).get("jump_gap")
    if not getattr(MODELS.get(str(prices.get("model"))), "has_jumps", True):
        return None
    if not isinstance(found, list | tuple) or len(found) != 2 or not all(isinstance(x, int | float) for x in found):
        return None
    return float(found[0]), float(found[1])


def bound_words(config: dict[str, Any], proposed: tuple[float, float] | None) -> str:
    """What stands next to the answer when jump_gap lies outside of what the bars propose."""
    gap = float(config["jump_gap"])
    if proposed is None or proposed[0] <= gap <= proposed[1]:
        return ""
    bound = "an upper bound" if gap > proposed[1] else "below what was seen"
    low, high = proposed
    return f"jump_gap = {gap:g} is {bound}: the bars behind the price model propose {low:g} to {high:g}."


def delay_words(delay: float) -> str:
    """What a delay means."""
    if delay == 0:
        return gap_words(0.0)
    return f"A position fills at the price {duration(delay)} after its trigger, jumps in between included."


def gap_words(gap: float) -> str:
    """What the gap of a continuous move means."""
    if gap == 0:
        return "While the price moves continuously, a position fills at its liquidation price."
    if gap == 1:
        return "Even in a continuous move, a position fills only where the move of the step ends."
    return f"In a continuous move, a position fills {percent(gap)} of the way from its trigger to the end of the move."


def jump_gap_words(gap: float, delay: float = 0.0) -> str:
    """What the gap of a jump means, beside a delay (seconds)."""
    if delay > 0:
        return (
            f"In a jump, a position fills {percent(gap)} of the way from its trigger to where the jump lands, or at "
            f"the price {duration(delay)} after it, whichever is worse for it: mostly the latter."
        )
    if gap == 0:
        return "A jump is traded through: a position fills at its liquidation price."
    if gap == 1:
        return "A jump cannot be traded through: a position fills where the jump lands."
    return f"In a jump, a position fills {percent(gap)} of the way from its trigger to where the jump lands."


def depth_words(depth: dict[str, Any] | None) -> str:
    """What the order book absorbs."""
    if depth is None:
        return "The order book absorbs everything: forced orders move no price, so there is no cascade."
    half_life = float(depth["half_life"])
    share = f" ({percent(depth['oi_share'])} of the open interest of one side)" if "oi_share" in depth else ""
    falls = ""
    if "scale" in depth:
        falls = (
            f"Half of the depth is gone when the price has moved by {percent(depth['scale'])} (log) within "
            f"{duration(depth['window'])}, and more beyond (power {depth['power']:g}). "
        )
    if "schedule" in depth:
        falls += "Depth also follows a schedule of its own. "
    back = (
        "and nothing of it comes back" if math.isinf(half_life) else f"half of it is back after {duration(half_life)}"
    )
    return (
        f"Forced orders of {notional(depth['usd'])}{share} move the price by {percent(depth['width'])}; {back}. {falls}"
        f"{percent(depth['passthrough'])} of the move reaches the mark price and can trigger others."
    )


def model_words(prices: dict[str, Any]) -> str:
    """The price model and what decides its tail."""
    model = str(prices.get("model", "prices"))
    sentences = [MODEL_WORDS.get(model, model)]
    if "sigma" in prices:
        sentences.append(f"volatility {percent(prices['sigma'])} a year between jumps")
    if model == "regimes":
        least, most = percent(min(prices["sigmas"])), percent(max(prices["sigmas"]))
        sentences.append(f"{len(prices['sigmas'])} of them, volatility {least} to {most} a year between jumps")
    if model == "kou":
        up, down = percent(1 / prices["eta_up"]), percent(1 / prices["eta_down"])
        sentences.append(f"{significant(prices['intensity'])} jumps a year, of {up} up and {down} down on average")
    if model in ("tail-jumps", "hawkes-jumps"):
        for side in ("up", "down"):
            rate, cap, xi = (prices[f"{key}_{side}"] for key in ("intensity", "cap", "xi"))
            largest = percent(math.exp(cap) - 1 if side == "up" else 1 - math.exp(-cap))
            sentences.append(
                f"{significant(rate)} jumps {side} a year, tail shape {significant(xi)}, none beyond {largest}"
            )
    if model == "hawkes-jumps":
        sentences.append(
            f"each jump causes {significant(prices['branching'])} more, after {duration(prices['memory'])}"
        )
    if model == "episode":
        sentences.append(f"{prices['name']} ({prices['source']})")
    if model in ("replay", "episode"):
        scale = prices.get("scale", 1.0)
        sentences.append("as it was" if scale == 1 else f"moves scaled by {significant(scale)}")
    text = "; ".join(sentences) + "."
    return text[0].upper() + text[1:]


def key_assumptions(config: dict[str, Any]) -> list[tuple[str, str]]:
    """The assumptions that the required fund depends on most, each with its setting."""
    delay = config.get("delay")
    late = (
        (f"Continuous moves (gap = {config['gap']:g})", gap_words(config["gap"]))
        if delay is None
        else (f"Late fills (delay = {duration(delay)})", delay_words(delay))
    )
    return [
        late,
        (f"Jumps (jump_gap = {config['jump_gap']:g})", jump_gap_words(config["jump_gap"], config.get("delay") or 0.0)),
        ("Depth of the order book", depth_words(config["depth"])),
        ("Price model", model_words(config["prices"])),
    ]


def assumptions(config: dict[str, Any], has_orders: Any = False) -> list[str]:
    """The rest of the model, a sentence each."""
    venue, layer = config["venue"], mechanics.first_layer(config)
    sentences = [
        "All margin is isolated: a position stands on its own collateral."
        + ("" if config.get("funding") else " Funding payments are left out."),
        book_changes(config, has_orders),
        "A position is liquidated whole, by order of liquidation price, at the average fill of the order book."
        if venue.get("closeout", "whole") == "whole" and mechanics.carrier(config) == "market"
        else "Positions are liquidated by order of liquidation price; what is sold is filled at the average of the "
        "order book.",
        f"What a liquidation leaves of the margin goes to the {layer}."
        if venue["residual"] == "fund"
        else f"Of what a liquidation leaves, up to {percent(venue['fee_rate'])} of the notional goes to the {layer}, "
        "the rest back to the trader."
        if venue["fee_rate"]
        else "What a liquidation leaves of the margin goes back to the trader.",
    ]
    if mechanics.has_adl(config):
        sentences.append(
            f"ADL: {phrase('policy', venue['policy'])}"
            + (f" ({phrase('score', venue['score'])})" if venue["policy"] == "queue" else "")
            + f"; {phrase('settlement', venue['settlement'])}".replace("what the fund", f"what the {layer}")
            + (f" at the {phrase('adl_price', venue['adl_price'])}." if venue["settlement"] == "bankruptcy" else ".")
        )
    if venue.get("reserve") and mechanics.has_adl(config):
        sentences.append(
            f"The fund keeps {usd(venue['reserve'])} in reserve: ADL is triggered before the fund is empty."
        )
    if venue.get("drawdown") is not None and mechanics.has_adl(config):
        window = venue.get("drawdown_window")
        span = f" of the last {duration(window)}" if window is not None and math.isfinite(window) else ""
        sentences.append(
            f"ADL is triggered when the fund has lost {percent(venue['drawdown'])} of its peak{span}, "
            "before the fund is empty."
        )
    return sentences + [f"{venue.get('title') or venue['name']}: {note}" for note in venue.get("notes", ())]


def book_changes(config: dict[str, Any], has_orders: Any) -> str:
    """Who may change a position during the run."""
    more = ", margin calls" if config["venue"].get("liquidation", "automatic") == "margin_call" else ""
    if not more and not has_orders:
        what = "liquidation and ADL change" if mechanics.has_adl(config) else "liquidation changes"
        return f"Nobody opens, closes or adds margin during the run; only {what} the book."
    adl, orders = ", ADL" if mechanics.has_adl(config) else "", ", stops and take-profits" if has_orders else ""
    return f"Nobody opens a position during the run; only liquidation{adl}{orders}{more} change the book."


def caveats(record: Record, required: list[dict[str, Any]], bound: str = "") -> list[str]:
    """Warnings of the run that do not stand next to the answer, then what its sample cannot say."""
    result, layer = record.result, record.layer.capitalize()
    sentences = [str(text) for text in record.manifest.get("warnings") or () if text != bound]
    if result.n_paths > 1:
        sentences += [f"{layer} for {percent(row['alpha'])}: {row['note']}." for row in required if row["note"]]
    if math.isinf(result.capital) and result.layer == "fund":
        never = "reaches ADL" if mechanics.adl_follows(result.config) else "depletes it"
        sentences.append(f"The fund has no limit in this run, so no path {never}.")
    return list(dict.fromkeys(sentences))


def depletion_words(config: dict[str, Any]) -> str:
    """What a first unpaid deficit is called."""
    layer = mechanics.first_layer(config).capitalize()
    return "ADL triggered" if summaries.depletion_is_adl(config) else f"{layer} depleted"


def waterfall_words(config: dict[str, Any]) -> str:
    """Who bears a loss, in order."""
    order = [mechanics.layer_words(name) for name in mechanics.waterfall(config) if name != "socialise"]
    text = f"It falls on {', then on '.join(order)}"
    if "socialise" in mechanics.waterfall(config):
        text += "; what is left is socialised at the end of the path"
    if (name := mechanics.carrier(config)) != "market":
        text += f". What the {name} has taken over it loses later, where it sells it; paths on which it gains count as "
        text += "no loss here"
    return f"{text}; the rest stays unpaid."
