"""docs/tiers.md has the names of columns of today."""

import importlib.util

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.nojit


def test_the_table_of_columns_is_of_today():
    spec = importlib.util.spec_from_file_location("make_tiers", ROOT / "docs" / "make_tiers.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.render() == script.PAGE.read_text(encoding="utf-8")
    assert "| cum | amount that is deducted, USD | cum, " in script.render()
