"""Times the engine and what one would write instead, in one process and one run.

python -m benchmarks             # eight minutes; writes results.json and the pages that are made from it
python -m benchmarks --quick     # a minute at small sizes, prints alone; the tests run this
python -m benchmarks --mechanics # only what the rules of part II cost, a few minutes; the rest stays as it was measured
python -m benchmarks --adl       # what a sharing rule or score of ADL costs beside the queue, two minutes; prints alone
python -m benchmarks --tables    # RESULTS.md and the tables of README.md and docs/scaling.md again, from results.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numba

from benchmarks import against, pages, plan
from stress import bench
from stress.bench import adl, clock, mechanics, process
from stress.bench.targets import judge

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
PATHS = {"engine": 2_000, "vectorised": 4, "loop": 32, "tuned_loop": 64, "scan": 4}
RULE_PATHS = 100
QUICK_PATHS = {"engine": 20, "vectorised": 2, "loop": 2, "tuned_loop": 2, "scan": 2}


def measure(quick: bool, threads: int | None) -> dict:
    """Everything: `stress.bench.measure`, and `baselines`."""
    found = bench.measure(quick, threads, say=say)
    say("what one would write instead")
    size = bench.QUICK if quick else bench.FULL
    given = min(found["whole_run"]["threads"], numba.config.NUMBA_NUM_THREADS)
    found["baselines"] = against.measure(size.traders, QUICK_PATHS if quick else PATHS, given, size.rounds)
    if not quick:
        found |= measure_mechanics()
    found["targets"] = judge(found)
    return found


def measure_mechanics(before: Path | None = None, load: str = "") -> dict[str, Any]:
    """What the rules of part II cost, and with the root of an earlier version, what compiling costs against it."""
    say("rules of part II")
    size = bench.FULL
    made = {"made": clock.today(), "rounds": size.rounds, "load": load}
    found = {"mechanics": made | mechanics.measure(size.traders, RULE_PATHS, size.rounds)}
    if before is not None:
        say("compilation, before and after")
        found["cold_against"] = process.cold_against(before, size.cold)
    return found


def say(text: str) -> None:
    print(f"{text} ...", file=sys.stderr, flush=True)


def write_tables() -> None:
    """RESULTS.md and the tables of README.md and docs/scaling.md, from results.json."""
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    (FOLDER / "RESULTS.md").write_text(pages.results(found), encoding="utf-8")
    for page, fill in ((FOLDER.parent / "README.md", pages.fill), (FOLDER.parent / "docs" / "scaling.md", plan.fill)):
        page.write_text(fill(page.read_text(encoding="utf-8"), found), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tables", action="store_true")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--mechanics", action="store_true", help="only the rules of part II")
    parser.add_argument("--adl", action="store_true", help="only the sharing rules and scores of ADL")
    parser.add_argument("--before", type=Path, help="root of an earlier version, whose compilation is timed in turns")
    parser.add_argument("--load", default="", help="what else the machine does meanwhile, for the page")
    given = parser.parse_args()
    if given.adl:
        print(pages.rules_of_adl(adl.measure()))
        return
    if given.mechanics:
        found = json.loads(RESULTS.read_text(encoding="utf-8"))
        found |= measure_mechanics(given.before, given.load)
        found["targets"] = judge(found)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    elif not given.tables:
        found = measure(given.quick, given.threads)
        print(pages.results(found))
        if given.quick:
            return
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    write_tables()


if __name__ == "__main__":
    main()
