"""The documentation: links lead somewhere, what it shows runs, and made pages are those of their scripts."""

import importlib.util
import re
import sys
import warnings
from pathlib import Path

import pytest

from stress import prices

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
        assert 5_000 < (ROOT / name).stat().st_size < 80_000
    of_pages = [name for page in DOCS.glob("*.md") for name in re.findall(r"!\[[^]]*\]\((img/[^)]+)\)", read(page))]
    assert {path.name for path in (DOCS / "img").iterdir()} == {Path(name).name for name in [*shown, *of_pages]}


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


def load_script(name: str):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules[name] = script
    spec.loader.exec_module(script)
    return script


@pytest.fixture(scope="module")
def validation():
    return load_script("make_validation")


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
