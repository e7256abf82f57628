"""Markets of a file of tiers: which are read, which are left out, and what was done to their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from stress.adjustments import Adjustment
from stress.errors import Problem, raise_if
from stress.venue.tiers import build, units
from stress.venue.tiers.group import Group
from stress.venue.tiers.rows import rows_of

SHOWN = 3  # problems of one cause

Read = dict[str, tuple[Group, units.Unit, build.Built]]  # by market


def built(
    groups: Sequence[Group], where: str, flat: bool, unit: str | None, contract_size: float | None
) -> tuple[Read, list[Group]]:
    """The markets that are read, each with its unit and tiers, and those that are left out.

    Inverse markets beside linear ones are read if one venue file can hold both.

    Raises
    ------
    InputError
        Every problem of the linear markets, or of the inverse ones where there are no others.
    """
    left_out = [group for group in groups if group.left_out]
    linear, inverse = ([g for g in groups if not g.left_out and g.contract == c] for c in ("linear", "inverse"))
    problems: list[Problem] = []
    read = _built(linear or inverse, where, flat, unit, contract_size, problems)
    if not (linear or inverse):
        why = ", ".join(sorted({group.left_out for group in left_out}))
        problems.append(Problem(where, f"the tiers of at least one market that can be read (these are {why})"))
    bases = {market: taken.basis for market, (_, taken, _) in read.items()}
    if not problems and len(set(bases.values())) > 1:
        some = [f"{next(m for m in bases if bases[m] == basis)} in {basis}" for basis in ("notional", "quantity")]
        problems.append(Problem(where, f"markets of one unit ({', '.join(some)}); --market picks one", column="unit"))
    raise_if(_once(problems))
    for group in inverse if linear else ():
        found = _built([group], where, flat, unit, contract_size, [])
        if found and {taken.basis for _, taken, _ in found.values()} == set(bases.values()):
            read |= found
        else:
            why = "inverse, in a unit of its own; --market reads one" if found else "inverse; --market says why"
            left_out.append(replace(group, left_out=why))
    return read, left_out


def _built(
    groups: Iterable[Group],
    where: str,
    flat: bool,
    unit: str | None,
    contract_size: float | None,
    problems: list[Problem],
) -> Read:
    """Those that can be read; problems are appended to `problems`."""
    read: Read = {}
    for group in groups:
        market, before = str(group.market), len(problems)
        rows, place = rows_of(group, market), f"{where}, {market}"
        if not rows:
            problems.append(Problem(place, "at least one tier"))
            continue
        taken = units.unit_of(rows, place, unit, contract_size, problems, group)
        if taken is not None:
            built = build.build(rows, taken, flat or bool(group.flat), place, problems)
            if len(problems) == before:
                read[market] = (group, taken, built)
    return read


def _once(problems: Sequence[Problem]) -> list[Problem]:
    """The problems; of a cause that many rows or markets share, the first and their number."""
    causes: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        column = str(problem.column).split(" ")[-1]
        causes.setdefault((column, "" if column == "cum" else problem.expected), []).append(problem)
    shown: list[Problem] = []
    for same in causes.values():
        many = f"{same[0].expected}; {len(same):,} rows or markets fail"
        shown += same if len(same) <= SHOWN else [replace(same[0], expected=many)]
    return shown


def adjustments(
    read: Mapping[str, tuple[Group, units.Unit, build.Built]], left_out: Sequence[Group], where: str, flat: bool
) -> Iterable[Adjustment]:
    """What was done: the unit first, each sentence once for all markets that it holds for."""
    said: Counter[tuple[str, str]] = Counter()
    for group, taken, built in read.values():
        count = len(built.tiers)
        said[f"read in {taken.text}", taken.why] += count
        for note in group.notes:
            said[note] += count
        if built.added and taken.basis == "quantity":
            rule = f"tiers in {taken.quantities} have no deductions"
            said["read with one rate for the whole position", rule] += count
        elif built.added and group.flat:
            said["read with one rate for the whole position", "as the venue's rule is"] += count
        elif built.added and flat:
            said["read with one rate for the whole position", "--flat"] += count
        elif built.added:
            rule = "the file has none; --flat applies each rate to the whole position instead"
            said["given deductions that make the margin continuous", rule] += count
        if built.scaled:
            said["scaled: rates are per cent", "a title says so, or initial margin rate times leverage is 100"] += count
        if built.moved:
            said["moved: floors to the cap of the tier before", "bounds such as 1..1000, 1001..2000"] += built.moved
    for (what, rule), count in said.items():
        yield Adjustment(where, what, rule, count, unit="tiers")
    for why, count in Counter(group.left_out for group in left_out).items():
        yield Adjustment(where, "left out", why, count, of=len(read) + len(left_out), unit="markets")
