"""The tests: where they are, and that none takes anything from another."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.nojit

TESTS = ROOT / "tests"
MODULES = sorted(TESTS.rglob("test_*.py"))
SCRIPTS = sorted((ROOT / "docs").rglob("*.py"))
OF_NO_PACKAGE = {"model", "docs", "house"}  # the specification, the pages, and the code as text


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path) -> set[str]:
    """Modules that a file imports, a name of `from` taken for a module too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("path", [*MODULES, *(TESTS / "support").glob("*.py"), *SCRIPTS], ids=name_of)
def test_nothing_is_taken_from_a_test_module(path):
    assert [name for name in imported(path) if name.rpartition(".")[2].startswith("test_")] == []


def test_folders_are_those_of_the_package():
    assert [path.name for path in MODULES if path.parent == TESTS] == []
    packages = {path.parent.name for path in (ROOT / "stress").glob("*/__init__.py")}
    assert {path.parent.name for path in MODULES} - packages == OF_NO_PACKAGE
