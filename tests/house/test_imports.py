"""Who may import whom: layers of folders, and no circle of files."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import stress

pytestmark = pytest.mark.nojit

PACKAGE = Path(stress.__file__).parent
# A module imports from its own line or the lines above it. Imports inside functions count; those for type checkers
# alone do not.
LAYERS = (
    "__init__ adjustments callers formatting module_path quantities",
    "errors notebook",
    "serialize arguments memory schema",
    "files",
    "kernels.cache_folder",
    "kernels.cache",
    "kernels.jit",
    "kernels.numerics",
    "kernels.rules",
    "kernels.prices kernels.index",
    "kernels.population kernels.path",
    "kernels.mechanics",
    "provenance",
    "prices venue",
    "book",
    "engine",
    "results",
    "scenario",
    "analysis",
    "plots",
    "runs",
    "report",
    "simulation",
    "bench",
    "cli",
    "__main__",
)
FLOOR = {room: floor for floor, rooms in enumerate(LAYERS) for room in rooms.split()}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def only_run(node: ast.AST) -> list[ast.AST]:
    """What is below a node and runs: of `if TYPE_CHECKING` the other branch alone."""
    if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        return list(node.orelse)
    return list(ast.iter_child_nodes(node))


def module_behind(name: str) -> str | None:
    """The module that `stress.<name>` is loaded from: a module, a name in a module, or a public name."""
    first, _, rest = name.partition(".")
    if not rest and first in stress._HOMES:
        return stress._HOMES[first]
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def imports_of(node: ast.AST) -> set[str]:
    """Modules of the package that are imported anywhere below a node, without the word `stress.` before them.

    A public name that is used as `stress.Book` loads its module too.
    """
    names = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "stress":
        names = [f"stress.{node.attr}"]
    found = {module_behind(name.removeprefix("stress.")) for name in names if name.startswith("stress.")}
    return found.union(*map(imports_of, only_run(node))) - {None}


ARROWS = {name: imports_of(ast.parse(path.read_text("utf-8"))) for name, path in MODULES.items()}


def room_of(module: str) -> str:
    """The longest name of a layer that a module is in."""
    rooms = [room for room in FLOOR if module == room or module.startswith(f"{room}.")]
    return max(rooms, key=len) if rooms else ""


def test_what_counts_as_an_import():
    code = """
import stress
if TYPE_CHECKING:
    from stress.report.prose import SCORE_WORDS
else:
    import stress.errors
if not TYPE_CHECKING:
    from stress import formatting
def lazy():
    from stress.prices import GBM
    from stress import Venue
    return stress.Book.read, stress.plots.plot_population, stress.__version__
"""
    assert imports_of(ast.parse(code)) == {"errors", "formatting", "prices", "venue.venue", "book.book", "plots"}


def test_every_module_has_a_layer():
    assert [name for name in MODULES if not room_of(name) and name != "kernels"] == []


@pytest.mark.parametrize("module", [name for name in MODULES if name != "kernels"])
def test_a_module_imports_from_its_layer_or_below(module):
    floor = FLOOR[room_of(module)]
    above = {other for other in ARROWS[module] if FLOOR[room_of(other)] > floor}
    beside = {other for other in ARROWS[module] if FLOOR[room_of(other)] == floor and room_of(other) != room_of(module)}
    assert (above, beside) == (set(), set())


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other (Tarjan's strongly connected components of more than one node)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in arrows[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in arrows:
        if node not in index:
            visit(node)
    return found


def test_no_files_import_each_other_in_a_circle():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    # a package's own file is loaded with any of its modules, but says nothing of them
    assert circles(ARROWS) == []


def test_no_folders_import_each_other_in_a_circle():
    rooms: dict[str, set[str]] = {}
    for module, others in ARROWS.items():
        folder = module.partition(".")[0]
        rooms.setdefault(folder, set()).update(o.partition(".")[0] for o in others if o.partition(".")[0] != folder)
    assert circles(rooms) == []
