"""Remakes every figure and table of the README and of docs: `python docs/make_all.py`, from anywhere, in nine minutes.

    docs/img/*.png, the text between the quickstart marks of README.md    from examples/quickstart.toml
    docs/venues.md                                                        from stress/venue/presets/*.toml
    docs/mechanics.md                                                     from examples/quickstart.toml and the presets
    docs/inputs.md                                                        from the columns that readers know
    docs/crowds.md, where STRESS_DATA names a folder of bars              from stress/book/presets/*.toml
    docs/validation.md                                                    from docs/validation/
    docs/stress-scenarios.md, docs/img/stress_scenarios.png,
    the text between the scenarios marks of README.md                     from examples/quickstart.toml
    docs/img/report_page.png, where there is a Chromium                   from examples/quickstart.toml
    docs/studies.md, docs/img/sweep.png, docs/img/tornado.png             from examples/listing.toml
    docs/adl.md, docs/img/adl_frontier.png, docs/img/adl_driver_*.png     from examples/compare_adl.toml, docs/adl/
    docs/adl-advice.md                                                    from examples/compare_adl.toml, docs/adl/
    docs/cases.md                                                         from docs/cases/
    docs/attacks.md, docs/img/attack_vault.png                            from the presets of stress/analysis/attacks/
    docs/delay.md                                                         from the bars in STRESS_DATA, if it is set
    benchmarks/RESULTS.md, the table between the benchmark marks,
    those of docs/scaling.md                                              from benchmarks/results.json
    benchmarks/results.json                                               with --benchmarks: eight minutes more
    docs/calibration.md, docs/img/simulated_days.png,
    docs/depth.md, docs/history.md                                        with --histories, from bars: an hour more
    docs/coverage.md                                                      by docs/make_coverage.py: hours
    docs/tail.md                                                          by docs/make_tail.py: twenty minutes

Exits 1 if a case of the validation fails. Waypoints of episodes are data: `docs/make_episodes.py`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ("depletion_curve.png", "adl_by_leverage.png")
WIDTH = 132  # characters of the table in the README


def quickstart() -> None:
    """Run the example as a reader would; its figures go to docs/img, what it prints into the README."""
    scenario = ROOT / "examples" / "quickstart.toml"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "stress", "run", str(scenario)]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": str(WIDTH)}
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True
        )
        (ROOT / "docs" / "img").mkdir(exist_ok=True)
        for name in FIGURES:
            (found,) = Path(folder).glob(f"runs/*/figures/{name}")
            shutil.copyfile(found, ROOT / "docs" / "img" / name)
    show("quickstart", "\n".join(line.rstrip() for line in done.stdout.strip().splitlines()))


def show(name: str, printed: str) -> None:
    """Put what a command printed between the marks of that name in the README."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    marks = rf"(<!-- {name} -->\n```text\n).*?(```\n<!-- /{name} -->)"
    text = re.sub(marks, lambda found: f"{found[1]}{printed}\n{found[2]}", text, flags=re.DOTALL)
    readme.write_text(text, encoding="utf-8")


def crashes() -> None:
    """What `perp-stress scenarios` prints, from the page that it was just written to."""
    page = (ROOT / "docs" / "stress-scenarios.md").read_text(encoding="utf-8")
    show("scenarios", page.partition("```text\n")[2].partition("\n```")[0])


def script(*arguments: str) -> int:
    """Run a Python script or module of the repository; its exit code."""
    print("python", *arguments, flush=True)
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--benchmarks", action="store_true", help="time this machine too")
    parser.add_argument("--histories", action="store_true", help="judge models, depth and crashes on STRESS_DATA too")
    given = parser.parse_args()
    quickstart()
    benchmarks = ["-m", "benchmarks"] if given.benchmarks else ["-m", "benchmarks", "--tables"]
    of_histories = ["docs/make_delay.py", "docs/make_crowds.py"]
    of_histories += (
        ["docs/make_calibration.py", "docs/make_depth.py", "docs/make_history.py"] if given.histories else []
    )
    failed = max(
        script("docs/make_venues.py"),
        script("docs/make_inputs.py"),
        script("docs/make_validation.py"),
        script("docs/make_stress_scenarios.py"),
        script("docs/make_report_page.py"),
        script("docs/make_studies.py"),
        script("docs/make_mechanics.py"),
        script("docs/make_cases.py"),
        script("docs/make_adl.py"),
        script("docs/make_advice.py"),
        script("docs/make_attacks.py"),
        script(*benchmarks),
        *(script(name) for name in of_histories if os.environ.get("STRESS_DATA")),
    )
    crashes()
    return failed


if __name__ == "__main__":
    sys.exit(main())
