"""docs/inputs.md is what its script makes of the columns that readers know, and the command prints the same."""

from __future__ import annotations

import importlib.util

import pytest

from stress.cli import main
from stress.cli.columns import KINDS, lines
from tests.conftest import ROOT

pytestmark = pytest.mark.nojit


def test_the_page_is_that_of_its_script():
    path = ROOT / "docs" / "make_inputs.py"
    spec = importlib.util.spec_from_file_location("make_inputs", path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.PAGE.read_text(encoding="utf-8") == made.render()


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_fits_80_columns_and_names_every_title(kind, capsys):
    with pytest.raises(SystemExit) as end:
        main(["columns", kind])
    assert not end.value.code
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    words = " ".join(out.split())
    for name, meaning, titles in KINDS[kind][1]():
        assert f"{name} {meaning} as {titles}" in words


def test_all_kinds_are_printed_without_a_name_and_another_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["columns"])
    assert capsys.readouterr().out.splitlines() == [line for kind in KINDS for line in lines(kind)]
    with pytest.raises(SystemExit) as end:
        main(["columns", "depth"])
    assert end.value.code == 2
    assert "expected one of positions, bars, tiers" in capsys.readouterr().err
