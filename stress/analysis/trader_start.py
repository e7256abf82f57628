"""The crowd that a trader is put into: a scenario of the user, or the start that is used without one.

Nothing of the start is hidden: `standing` says in words what stands behind an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stress import quantities
from stress.analysis import sized_layer
from stress.arguments import is_finite, is_whole
from stress.errors import Problem, raise_if
from stress.files import documents
from stress.formatting import amount, duration, notional, percent, price_text
from stress.scenario.scenario import Scenario, as_scenario
from stress.venue.layer import FUND
from stress.venue.load import load_venue

if TYPE_CHECKING:
    from stress.engine.design import Design

START = Path(__file__).with_name("trader_start.toml")
FUND_SHARES = (0.0, 0.001, 0.01)  # of open interest: the range that is shown where no fund is given
SHOWN = 1  # which of them stands in the answer
COIN = "BTC"  # that the prices of the start are of
MEANT = "of examples/quickstart.toml"


def scenario_of(
    scenario: Any, venue: Any, market: Any, book: Any, fund: Any, paths: Any, seed: Any, where: str = "trader"
) -> Scenario:
    """The scenario of a question: that of the user with what is changed, or the start.

    Parameters
    ----------
    scenario : Scenario or path or None
    venue, market : str or None
        Of the start alone; a scenario has its own.
    book : path or None
        A file of positions in the place of the crowd.
    fund, paths, seed : optional
        In the place of the scenario's.

    Raises
    ------
    InputError
        With everything that is wrong with them.
    """
    problems = list(_wrong(scenario, venue, market, fund, paths, seed, where))
    raise_if(problems)
    changes: dict[str, Any] = {"paths": paths, "seed": seed, "fund": fund, "book": book}
    if scenario is not None:
        return _changed(as_scenario(scenario, where), changes)
    return _start(venue, market, changes)


def _wrong(scenario: Any, venue: Any, market: Any, fund: Any, paths: Any, seed: Any, where: str) -> Iterator[Problem]:
    if scenario is None and venue is None:
        yield Problem(where, "a venue by name, as binance, or a scenario", column="venue")
    for name, value in (("venue", venue), ("market", market)):
        if scenario is not None and value is not None:
            yield Problem(where, f"no {name} beside a scenario, which has its own", column=name, value=value)
        elif value is not None and not isinstance(value, (str, Path) if name == "venue" else str):
            yield Problem(where, "a name", column=name, value=value)
    if fund is not None and not (is_finite(quantities.number(fund)) and quantities.number(fund) >= 0):
        yield Problem(where, "money, 0 or more", column="fund", value=fund)
    if paths is not None and not (is_whole(quantities.number(paths)) and quantities.number(paths) >= 1):
        yield Problem(where, "a whole number, 1 or more", column="paths", value=paths)
    if seed is not None and not (is_whole(seed) and 0 <= seed < 2**63):
        yield Problem(where, "a whole number from 0 to 2^63 - 1", column="seed", value=seed)


def _start(venue: Any, market: Any, changes: dict[str, Any]) -> Scenario:
    raw, name = documents.read_toml(START), str(venue)
    if market is None:
        from stress.venue.load import markets_of

        market = markets_of(venue)[0]
    loaded = load_venue(venue, market)
    is_file = Path(name).suffix != "" or len(Path(name).parts) > 1
    raw["venue"] = {"file" if is_file else "preset": name, "market": loaded.market}
    first = next(iter(loaded.cash_layers), FUND)
    capital = FUND_SHARES[SHOWN] * float(raw["population"]["open_interest"])
    if loaded.is_inverse:
        capital /= float(raw["prices"]["s0"])
    raw["fund"] = {"initial": max(capital, loaded.reserve)}
    if first != FUND:
        raw["layers"] = {first: {"capital": capital}}
        raw["fund"] = {"initial": float(loaded.reserve)}
    return _parsed(raw, "start", Path.cwd(), changes, first)


def _changed(scenario: Scenario, changes: dict[str, Any]) -> Scenario:
    if all(value is None for value in changes.values()):
        return scenario
    raw = {name: value for name, value in scenario.resolved().items() if value not in (None, "none")}
    first = next(iter(scenario.venue_object.cash_layers), FUND)
    files = {name: path for name, path in scenario.files.items() if not name.startswith("population.")}
    return _parsed(raw, scenario.where, Path.cwd(), changes, first, files if changes["book"] else dict(scenario.files))


def _parsed(
    raw: dict[str, Any], where: str, folder: Path, changes: dict[str, Any], first: str, files: Any = None
) -> Scenario:
    if changes["paths"] is not None:
        raw["run"]["paths"] = int(quantities.number(changes["paths"]))
    if changes["seed"] is not None:
        raw["seed"] = int(changes["seed"])
    if (fund := changes["fund"]) is not None:
        money: Any = quantities.number(fund)
        if first == FUND:
            raw["fund"]["initial"] = float(money)
        else:
            raw["layers"] = {**raw.get("layers", {}), first: {**raw.get("layers", {}).get(first, {})}}
            raw["layers"][first]["capital"] = float(money)
    if (book := changes["book"]) is not None:
        raw.pop("population", None)
        raw["book"] = {"file": str(Path(book)), "imbalance": "outside", "under_margin": "liquidate"}
        raw["book"]["market"] = raw["venue"]["market"]
        raw["prices"].pop("s0", None)
    return Scenario.parse(raw, where, folder, files=files)


def has_own_fund(scenario: Any, fund: Any) -> bool:
    """Whether the fund was given, by a scenario or by itself."""
    return scenario is not None or fund is not None


def funds_of(design: Design) -> list[float]:
    """The range of funds that is shown where none was given, in the money of the venue."""
    usd = design.book.open_interest(design.s0) / design.usd_of_money
    least = design.venue.reserve if sized_layer.name_of(design) == FUND else 0.0
    return [max(share * usd, least) for share in FUND_SHARES]


def standing(design: Design, scenario: Scenario, is_start: bool, own_fund: bool) -> list[str]:
    """What stands behind an answer: crowd, fund, depth, prices, lateness and paths, a sentence each."""
    venue, book = design.venue, design.book
    said = []
    crowd = f"{len(book):,} positions with {notional(book.open_interest(design.s0))} of open interest a side"
    if scenario.population is not None:
        crowd += f", drawn from the mix {scenario.population.mix} (docs/crowds.md)"
    elif book.source:
        crowd += f", from {book.source}"
    said.append(f"Crowd: {crowd}.")
    rules = "its own rules as far as they are modelled (docs/venues.md)" if venue.mechanics else "the rules of part I"
    said.append(f"Venue: {venue.title or venue.name} {venue.market}, {rules}.")
    layer, capital = sized_layer.name_of(design), sized_layer.capital_of(design)
    share = percent(capital * design.usd_of_money / book.open_interest(design.s0))
    if own_fund:
        said.append(f"{layer.capitalize()}: {amount(capital, venue.money)}, {share} of open interest, as given.")
    else:
        shares = ", ".join(percent(x) if x else "nothing" for x in FUND_SHARES)
        said.append(
            f"{layer.capitalize()}: not given, so a range is shown ({shares} of open interest); the answer is for "
            f"{amount(capital, venue.money)}, {share}."
        )
    depth = design.depth_record
    said.append(
        "Depth: none, so that forced orders move no price and there is no cascade."
        if depth is None
        else f"Depth: {notional(depth['usd'])} within {percent(depth['width'])}, {percent(depth['oi_share'])} of open "
        "interest, with the cascade."
    )
    record = design.model_record
    model = f"{record.get('kind', record.get('model', type(design.prices).__name__))} from {price_text(design.s0)}"
    if is_start:
        from stress.venue.markets import parts

        of = "the hourly bars of BTCUSDT from 2017 to 2022, not fit to size a fund"
        said.append(f"Prices: {model}, fitted to {of}; the numbers {MEANT}.")
        if parts(venue.market).coin != COIN:
            said.append(
                f"These are not the prices of {venue.market}: smaller coins move more. A scenario with its own bars "
                "(perp-stress new) has them."
            )
    else:
        said.append(f"Prices: {model}, of {scenario.where}.")
    if design.delay is not None:
        late = f"{duration(design.delay)} after their trigger"
    else:
        late = f"at a gap of {design.gap:g}"
    said.append(f"Fills: {late}; of a jump {percent(design.jump_gap)} cannot be traded through.")
    drawn = "" if design.tail is None else f", drawn by their rarest event down to {design.tail:g} and weighted"
    said.append(
        f"Paths: {design.n_paths:,} of {duration(design.n_steps * design.step)} in steps of "
        f"{duration(design.step)}{drawn}; seed {design.seed}."
    )
    return said
