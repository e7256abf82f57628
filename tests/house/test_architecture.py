"""Who may import whom, what import costs, and how large a file may grow."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import stress

pytestmark = pytest.mark.nojit

PACKAGE = Path(stress.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
KERNELS = sorted((PACKAGE / "kernels").rglob("*.py"))
HEAVY = ("numba", "pandas", "matplotlib", "scipy")


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative import"
            names.add(node.module or "")
    return names


def called(tree: ast.Module) -> set[str]:
    return {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("path", KERNELS, ids=name_of)
def test_kernels_know_numbers_alone(path):
    allowed = {"numba", "numpy", "math", "typing"}
    if path.name in ("jit.py", "cache.py", "cache_folder.py"):  # the compiler, and what it keeps
        allowed |= {*sys.stdlib_module_names, "llvmlite"}
    foreign = {n for n in imports_of(path) if n.split(".")[0] not in allowed and not n.startswith("stress.kernels")}
    assert not foreign


@pytest.mark.parametrize("path", KERNELS, ids=name_of)
def test_kernels_neither_raise_nor_print(path):
    tree = tree_of(path)
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Raise | ast.Assert)]
    assert "print" not in called(tree)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_fit_in_the_head(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 500


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_library_does_not_print(path):
    if path.name != "terminal.py" and path.parent.name != "cli":  # what speaks to a terminal
        assert "print" not in called(tree_of(path))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_hidden_randomness_and_no_star(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom):
            assert [alias.name for alias in node.names] != ["*"]
        if isinstance(node, ast.Attribute) and node.attr not in ("Generator", "default_rng"):
            value = node.value
            assert not (
                isinstance(value, ast.Attribute) and value.attr == "random" and ast.unparse(value) == "np.random"
            )
    allowed = {"pickle"} if path == PACKAGE / "kernels" / "cache.py" else set()  # what this user alone can write
    assert not (imports_of(path) & {"random", "pickle"}) - allowed


@pytest.mark.parametrize("path", [path for path in MODULES if path.read_text().strip()], ids=name_of)
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(tree_of(path))


@pytest.mark.parametrize("module", ["stress", "stress.cli"])
def test_import_is_cheap(module):
    loaded = run(f"import sys, {module}; print(*sorted(n for n in {HEAVY!r} if n in sys.modules))")
    assert loaded == ""


def test_help_is_cheap():
    code = f"""
import runpy, sys
sys.argv = ["perp-stress", "--help"]
try:
    runpy.run_module("stress", run_name="__main__")
except SystemExit as end:
    assert not end.code
print("loaded:", *sorted(n for n in {HEAVY!r} if n in sys.modules))
"""
    assert run(code).splitlines()[-1] == "loaded:"


def test_public_names_resolve():
    assert len(set(stress.__all__)) == len(stress.__all__)
    for name in stress.__all__:
        assert getattr(stress, name) is not None
    assert {"Book", "Venue", "Tier", "Depth", "simulate", "allocate", "load_venue", "list_venues", "prices"} <= set(
        stress.__all__
    )
    assert dir(stress) == sorted(stress.__all__)
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        _ = stress.simulat


def test_words_of_the_records_are_the_words_of_the_venue():
    """Every word that the compiled side numbers is one that a venue may say, and no other."""
    from stress.kernels.mechanics import closeout, marks, socialise
    from stress.kernels.path import deleverage
    from stress.kernels.rules import layers, margin, records, scores, sharing

    for words, module in (
        (records.POLICIES, sharing),
        (records.SCORES, scores),
        (records.TIER_BASES, margin),
        (records.CLOSEOUTS, closeout),
        (records.MARKS, marks),
        (records.LAYERS, layers),
    ):
        assert [getattr(module, word.upper()) for word in words] == list(range(len(words)))
    assert [records.ADL_PRICES.index(w) for w in ("bankruptcy", "mark")] == [
        deleverage.AT_BANKRUPTCY,
        deleverage.AT_MARK,
    ]
    assert records.SETTLEMENTS[deleverage.PROFIT_SETTLEMENT] == "profit"
    # What is a flag in there is true for the words behind the first.
    assert records.RESIDUALS == ("trader", "fund")
    assert records.LIQUIDATIONS == ("automatic", "margin_call")
    assert records.CARRIERS[0] == "market"
    for name, code in (("winners", socialise.WINNERS), ("everybody", socialise.EVERYBODY)):
        assert 1 + records.SOCIALISES.index(name) == code  # 0: no share


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_machine_is_named(path):
    text = path.read_text(encoding="utf-8")
    for folder in ("work", "root", "home"):
        assert f"/{folder}/" not in text
    assert not re.search(r"\b(TO" + r"DO|FIX" + r"ME)\b", text)
