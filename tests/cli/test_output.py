"""Tables, pictures and texts that commands leave: one wording, one check before the work, the same bytes each time."""

from __future__ import annotations

import io

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from stress.cli import app as commands
from stress.cli import output
from stress.errors import InputError
from tests.support.command import caller
from tests.support.tiny import TINY

pytestmark = pytest.mark.nojit
TABLE = pd.DataFrame({"account": ["a", "=b"], "size": [0.1, 2.0]})


def test_a_table_goes_to_its_file_or_with_quiet_to_standard_output(tmp_path, capsys):
    path = tmp_path / "t.csv"
    output.keep_table(TABLE, path, quiet=False)
    out, err = capsys.readouterr()
    assert out == f"{path}\n"
    assert "Warning" in err  # a formula, to a spreadsheet
    assert path.read_text() == "account,size\na,0.1\n=b,2.0\n"
    output.keep_table(TABLE, None, quiet=True)
    assert capsys.readouterr().out == path.read_text()
    output.keep_table(TABLE, None, quiet=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kind", output.FORMATS)
def test_a_picture_has_the_same_bytes_each_time(tmp_path, capsys, kind):
    written = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.{kind}"
        output.put_picture(lambda: plt.subplots(figsize=(1, 1))[1], path)
        written.append(path.read_bytes())
        assert capsys.readouterr() == ("", f"{path}\n")
    assert written[0] == written[1] or kind == "svg"  # whose ids are drawn by chance unless styled


@pytest.mark.parametrize(
    ("out", "picture", "expected"),
    [
        ("no/t.csv", None, "--out|no"),
        (None, "a.bmp", r"a file that ends with \.png, \.svg, \.pdf"),
        (None, "png", r"a file that ends with"),
        ("a.png", "./a.png", "another file than that of --out"),
    ],
)
def test_places_are_checked_before_the_work(tmp_path, monkeypatch, out, picture, expected):
    monkeypatch.chdir(tmp_path)
    paths = [tmp_path.__class__(name) if name else None for name in (out, picture)]
    with pytest.raises(InputError, match=expected):
        output.check_files(*paths)
    assert not list(tmp_path.iterdir())


def test_commands_call_the_same_thing_by_one_name():
    """An option means one thing, and has one name, in every command."""
    import typer

    found: dict[str, set[str]] = {}
    group = typer.main.get_command(commands.app)
    for name, command in group.commands.items():
        for option in command.params:
            for text in option.opts:
                found.setdefault(text, set()).add(name)
    for never in ("--figure", "--plot", "--output", "--delays", "--gaps", "--alphas", "--verbose"):
        assert never not in found
    studies = {"scenarios", "reverse", "sweep", "tornado", "solve", "margins", "impact", "backtest", "advice"}
    for text in ("--out", "--set", "--seed", "--quiet", "-q"):
        assert studies <= found[text]
    assert {"scenarios", "sweep", "tornado", "backtest", "calibrate"} <= found["--picture"]


def test_compare_quietly_prints_its_table(tmp_path, capsys):
    (tmp_path / "a.toml").write_text(TINY)
    (tmp_path / "b.toml").write_text(TINY.replace("passthrough = 0.5", "passthrough = 0.0"))
    call = caller(capsys)
    options = (tmp_path / "a.toml", tmp_path / "b.toml", "--paths", 4, "--quiet")
    code, out, err = call("compare", *options)
    assert (code, err) == (0, "")
    table = pd.read_csv(io.StringIO(out))
    assert set(table["quantity"]) >= {"P(a residual is left)", "mean deficit"}
    code, out, _ = call("compare", *options, "--out", tmp_path / "t.csv")
    assert (code, out.strip()) == (0, str(tmp_path / "t.csv"))
    assert pd.read_csv(tmp_path / "t.csv").equals(table)
