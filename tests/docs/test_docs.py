"""The documentation: links lead somewhere, what it shows runs, and made pages are those of their scripts."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import stress
from stress import prices
from tests.support.scripts import load_script

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.nojit
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", read(path)):
        if "://" not in target:
            assert (path.parent / target).exists(), target


@pytest.mark.nojit
def test_every_page_is_in_the_index():
    index = read(DOCS / "README.md")
    assert all(f"({path.name})" in index for path in DOCS.glob("*.md") if path.name != "README.md")


@pytest.mark.nojit
def test_figures_of_the_readme_are_there_and_small():
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", read(ROOT / "README.md"))
    assert shown
    for name in shown:
        assert 5_000 < (ROOT / name).stat().st_size < 120_000
    of_pages = [name for page in DOCS.glob("*.md") for name in re.findall(r"!\[[^]]*\]\((img/[^)]+)\)", read(page))]
    assert {path.name for path in (DOCS / "img").iterdir()} == {Path(name).name for name in [*shown, *of_pages]}


def shown_in_readme(name: str) -> str:
    """What a command printed, as the README shows it between marks of that name."""
    (block,) = re.findall(
        rf"<!-- {name} -->\n```text\n(.*?)\n```\n<!-- /{name} -->", read(ROOT / "README.md"), re.DOTALL
    )
    return block


def printed(*arguments: str, columns: int, folder: Path) -> str:
    command = [sys.executable, "-m", "stress", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": str(columns), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=True)
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


@pytest.mark.nojit
def test_the_readme_names_every_command():
    from stress.cli.app import app

    names = [command.name or command.callback.__name__.replace("_", "-") for command in app.registered_commands]
    readme = read(ROOT / "README.md")
    assert "sweep" in names
    assert [name for name in names if not re.search(rf"perp-stress {name}\b", readme)] == []


def test_the_readme_shows_the_crashes_as_they_are_played(tmp_path):
    block = shown_in_readme("scenarios")
    assert f"```text\n{block}\n```" in read(DOCS / "stress-scenarios.md")
    asked = ("scenarios", str(ROOT / "examples" / "quickstart.toml"), "--episode", "2025-10-10-btc")
    rows = printed(*asked, columns=80, folder=tmp_path).partition("─\n")[2].partition("\n\n")[0].splitlines()
    assert len(rows) == 3
    cells = [re.split(" {2,}", line.strip()) for line in block.splitlines()]  # columns are as wide as all rows ask for
    assert all(re.split(" {2,}", row.strip()) in cells for row in rows)


@pytest.mark.nojit
def test_the_readme_shows_what_is_done_to_the_export():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stress.BookWarning)
        book = stress.Book.read(ROOT / "examples" / "export.csv", "BTCUSDT", imbalance="outside")
    lines = shown_in_readme("new").partition("What was done to your input\n\n")[2].splitlines()[:-1]
    done = {adjustment.done: adjustment.rule for adjustment in book.adjustments}
    assert {first: rule.strip() for first, rule in zip(lines[::2], lines[1::2], strict=True)}.items() <= done.items()
    assert len(lines) == 4


@pytest.mark.slow
def test_the_readme_shows_the_quickstart_as_it_runs(tmp_path):
    out = printed("run", str(ROOT / "examples" / "quickstart.toml"), columns=132, folder=tmp_path)
    assert shown_in_readme("quickstart") == out


@pytest.mark.nojit
def test_every_price_model_has_its_section():
    page = read(DOCS / "prices.md")
    for model in (*prices.MODELS.values(), prices.Paths):
        assert f"## {model.__name__}\n" in page
        assert f'`"{model.kind}"`' in page or model is prices.Paths


@pytest.mark.parametrize("name", ["prices.md", "estimators.md"])
def test_what_a_page_shows_runs(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    bars = prices.Episode("2020-03-12-btc").bars
    rows = [f"{t},{o},{h},{lo},{c}" for t, o, h, lo, c in zip(*(getattr(bars, n) for n in COLUMNS), strict=True)]
    Path("bars.csv").write_text("time,open,high,low,close\n" + "\n".join(rows), encoding="utf-8")
    scope: dict = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for block in re.findall(r"```python\n(.*?)```", read(DOCS / name), re.DOTALL):
            exec(compile(block, name, "exec"), scope)
    if name == "prices.md":
        assert len(capsys.readouterr().out.splitlines()) == 11
    else:
        assert scope["result"].paths["depleted"].any()


COLUMNS = ("time", "open", "high", "low", "close")


@pytest.fixture(scope="module")
def validation():
    return load_script(DOCS / "make_validation.py")


def test_validation_page_has_the_cases_of_its_script_and_none_fails(validation):
    page = read(DOCS / "validation.md")
    rows = [line.strip("|").split(" | ") for line in page.splitlines() if line.startswith("| ") and "---" not in line]
    rows = [[cell.strip() for cell in row] for row in rows if row[0].strip() != "case"]
    assert [row[0] for row in rows] == [case.name for section in validation.SECTIONS for case in section.cases]
    assert {row[-1] for row in rows} == {"pass"}
    assert len({row[0] for row in rows}) == len(rows) > 100
    assert f"{len(rows)} cases, 0 of them beyond their error." in page
    assert all(f"**{what}**: {why}." in page for what, why in validation.NOT_APPLICABLE.items())


@pytest.mark.slow
def test_validation_cases_pass(validation):
    failed = [
        case.name
        for section in validation.SECTIONS
        for case in section.cases
        if not case.measure().agrees(case.expected)
    ]
    assert failed == []
