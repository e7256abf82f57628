"""Builds the API reference from docstrings: `python docs/make_api.py [--out DIR]`, into build/api by default.

HTML without network: the public names of `stress`, and the modules that a person who extends the package reads.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = (
    "stress", "stress.analysis", "stress.book", "stress.engine", "stress.errors", "stress.plots", "stress.prices",
    "stress.results", "stress.runs", "stress.scenario", "stress.simulation", "stress.venue",
)  # fmt: skip


def main() -> int:
    """Write the pages; the exit code."""
    import pdoc
    import pdoc.render

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "api", help="folder of the pages")
    out = parser.parse_args().out
    sys.path.insert(0, str(ROOT))
    pdoc.render.configure(docformat="numpy", show_source=False)
    pdoc.pdoc(*MODULES, output_directory=out)
    print(out / "stress.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
