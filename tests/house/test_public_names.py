"""Public names: what a type checker knows of them and what the package loads."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import stress

pytestmark = pytest.mark.nojit

SOURCE = ast.parse(Path(stress.__file__).read_text(encoding="utf-8"))


def declared() -> dict[str, str]:
    """Public names of the TYPE_CHECKING block, and the module each comes from."""
    (block,) = (n for n in SOURCE.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    found = {}
    version, *imports = block.body
    assert ast.unparse(version) == "__version__: str"
    for node in imports:
        assert isinstance(node, ast.ImportFrom)
        (alias,) = node.names
        assert alias.asname == alias.name  # said twice: a re-export
        found[alias.name] = node.module
    return found


def test_a_type_checker_knows_what_the_package_loads():
    names = declared()
    homes = {name: f"stress.{home}" for name, home in stress._HOMES.items()}
    assert names == homes | dict.fromkeys(stress._MODULES, "stress")
    assert sorted(["__version__", *names]) == sorted(stress.__all__)


GOOD = """
import stress
book = stress.Book([1, -1], [1.0, 1.0], [100.0, 100.0], [10.0, 10.0])
reveal_type(book.open_interest(100.0))
reveal_type(stress.load_venue)
reveal_type(stress.prices.GBM(s0=100.0, sigma=0.8).s0)
"""
WRONG = {
    "an unknown name": ("import stress\nstress.nonsense\n", "nonsense"),
    "an unknown method": ("import stress\nstress.Book.reed\n", "reed"),
    "an unknown argument": ("import stress\nstress.load_venue('binance', marcket='X')\n", "marcket"),
}


def check_types(code: str, folder: Path) -> tuple[str, int]:
    """What mypy prints of a program that uses the package, and its exit code."""
    from mypy import api

    program = folder / "program.py"
    program.write_text(code)
    printed, errors, code_of_exit = api.run(
        ["--config-file", str(Path(stress.__file__).parents[1] / "pyproject.toml"), str(program)]
    )
    assert errors == ""
    return printed, code_of_exit


def test_a_program_that_uses_the_package_has_types(tmp_path, monkeypatch):
    monkeypatch.setenv("MYPYPATH", str(Path(stress.__file__).parents[1]))
    printed, code = check_types(GOOD, tmp_path)
    assert code == 0, printed
    revealed = re.findall(r'Revealed type is "([^"]*)', printed)
    assert len(revealed) == 3
    assert "float" in revealed[0]
    assert "-> stress.venue.venue.Venue" in revealed[1]
    assert "float" in revealed[2]
    for name, (program, word) in WRONG.items():
        printed, code = check_types(program, tmp_path)
        assert code == 1, name
        assert word in printed
