"""Builds the API reference from docstrings: `python docs/make_api.py [--out DIR]`, into build/api by default.

HTML without network: the public names of `stress`, and the modules that a person who extends the package reads. Exits 1
and names each gap if a public name has no docstring, or if one of its arguments is nowhere described.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# `stress` brings the modules that are public themselves: plots, prices, results.
MODULES = (
    "stress", "stress.analysis", "stress.book", "stress.engine", "stress.errors", "stress.runs", "stress.scenario",
    "stress.simulation", "stress.venue",
)  # fmt: skip
SECTION = re.compile(r"^(?:Other )?Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", re.DOTALL | re.MULTILINE)


def described(text: str) -> set[str]:
    """Arguments under Parameters of a numpydoc docstring, without their stars."""
    lines = [line for section in SECTION.findall(text) for line in section.splitlines()]
    heads = [line.partition(":")[0] for line in lines if line[:1].strip()]
    return {name.strip().lstrip("*") for head in heads for name in head.split(",")}


def arguments_of(thing: Any) -> list[str]:
    """Arguments that a caller gives; none where Python knows of no signature."""
    try:
        return [name for name in inspect.signature(thing).parameters if name not in ("self", "cls")]
    except ValueError:
        return []


def gaps_of(name: str, thing: Any) -> Iterator[str]:
    """What a function, or a class as it is made, leaves unsaid: its docstring, or arguments.

    Arguments stand under Parameters; a function whose sentence names all of them needs no section. Of the methods of a
    class each has a docstring.
    """
    text = inspect.getdoc(thing) or ""
    if not text:
        yield f"{name}: no docstring"
    known = described(text) or set(re.findall(r"\w+", text))
    missing = [argument for argument in arguments_of(thing) if argument not in known]
    if text and missing:
        yield f"{name}: not described: {', '.join(missing)}"
    if inspect.isclass(thing):
        methods = [key for key in vars(thing) if not key.startswith("_") and inspect.isroutine(getattr(thing, key))]
        yield from (f"{name}.{key}: no docstring" for key in methods if not inspect.getdoc(getattr(thing, key)))


def gaps(module: ModuleType) -> list[str]:
    """Gaps in the docstrings of the public functions and classes of a module."""
    public = [(name, getattr(module, name)) for name in sorted(module.__all__)]
    things = [(name, thing) for name, thing in public if inspect.isfunction(thing) or inspect.isclass(thing)]
    return [f"{module.__name__}.{gap}" for name, thing in things for gap in gaps_of(name, thing)]


def build(out: Path) -> None:
    """Write the pages."""
    import pdoc
    import pdoc.render

    pdoc.render.configure(docformat="numpy", show_source=False)
    with warnings.catch_warnings():
        # Types that are imported for type checkers alone, and fields made at run time, are shown as text.
        warnings.filterwarnings("ignore", category=UserWarning, module="pdoc")
        pdoc.pdoc(*MODULES, output_directory=out)


def main() -> int:
    """Check and write; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "api", help="folder of the pages")
    out = parser.parse_args().out
    sys.path.insert(0, str(ROOT))
    import stress

    found = gaps(stress)
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    build(out)
    print(out / "stress.html")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
