"""The notebooks run as they are committed, and what is committed can be read without running it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs nbformat, see the extra `notebooks`")

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PATHS = re.compile(r"(?<=n_paths=)[\d_]+\b")  # of one run, in the code of a cell
FEWER = 8  # times, of which the kinds of outputs do not depend
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|Users|root|tmp|var|opt|work|usr|private)/|[A-Za-z]:\\\\Users")
LARGEST = 400_000  # bytes
LONGEST_CELL, LONGEST_FUNCTION = 25, 5  # lines

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def with_fewer_paths(source: str) -> str:
    return PATHS.sub(lambda found: str(int(found[0]) // FEWER), source)


def kinds(cell: Any) -> list[tuple[str, list[str]]]:
    """What a cell gave back: type of each output, and its formats or the name of its stream.

    A printed text arrives in one part or in several, depending on how fast the cell runs: parts that follow each other
    are one.
    """
    found = [(out.output_type, sorted(out.get("data", {})) or [out.get("name", "")]) for out in cell.outputs]
    return [kind for i, kind in enumerate(found) if not (i and kind[0] == "stream" and kind == found[i - 1])]


def test_there_are_seven():
    assert [path.name[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06", "07"]


@each
def test_committed_as_it_should_be_read(path):
    """Light, clean, with its pictures and with no trace of the machine that made it."""
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST
    assert not MACHINE_PATH.search(text)
    notebook = read(path)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert set(notebook.metadata.language_info) == {"name"}
    assert all(not cell.metadata for cell in notebook.cells)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    formats = [kind for cell in cells for _, kind in kinds(cell)]
    assert sum("image/png" in kind for kind in formats) >= 4
    assert not any(output.get("name") == "stderr" for cell in cells for output in cell.outputs)


@each
def test_tells_and_does_not_define(path):
    """Cells are short, define no class and no function of more than a few lines."""
    for cell in code_cells(read(path)):
        source = "\n".join(line for line in cell.source.splitlines() if not line.startswith("%"))
        assert len(source.splitlines()) <= LONGEST_CELL, source
        for node in ast.walk(ast.parse(source)):
            assert not isinstance(node, ast.ClassDef)
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name


@each
def test_runs(path, monkeypatch):
    """Every cell runs, with fewer paths, and gives back outputs of the kinds that are committed."""
    pytest.importorskip("ipykernel", reason="needs ipykernel, see the extra `notebooks`")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient, see the extra `notebooks`")
    monkeypatch.delenv("STRESS_BARS", raising=False)
    committed, notebook = read(path), read(path)
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
        cell.source = with_fewer_paths(cell.source)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    )
    client.execute()
    for was, now in zip(code_cells(committed), code_cells(notebook), strict=True):
        assert all(output.output_type != "error" for output in now.outputs)
        assert kinds(now) == kinds(was), f"{now.source}\n{now.outputs}"
