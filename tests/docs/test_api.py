"""The API reference: public names are documented, and the pages are built from what is here."""

from __future__ import annotations

import pytest

import stress
from docs import make_api

pytestmark = pytest.mark.nojit


def test_public_names_are_documented():
    assert make_api.gaps(stress) == []


def sectioned(a, b, *rest, **options):
    """Add.

    Parameters
    ----------
    a, b : float
        Summands.
    *rest : float
        More of them, c : too.

    Returns
    -------
    options : float
        No argument.
    """


def in_a_sentence(path, overrides):
    """Read a path with overrides."""


class Thing:
    """Of a path."""

    def __init__(self, path):
        self.path = path

    def documented(self):
        """Nothing."""

    def bare(self):
        pass


def test_a_gap_is_named():
    def silent():
        pass

    assert list(make_api.gaps_of("f", sectioned)) == ["f: not described: options"]
    assert list(make_api.gaps_of("f", in_a_sentence)) == []
    assert list(make_api.gaps_of("f", silent)) == ["f: no docstring"]
    assert list(make_api.gaps_of("f", lambda path: None)) == ["f: no docstring"]
    assert list(make_api.gaps_of("T", Thing)) == ["T.bare: no docstring"]
    in_a_sentence.__doc__ = "Read a path."
    assert list(make_api.gaps_of("f", in_a_sentence)) == ["f: not described: overrides"]


def test_pages_are_built_and_a_gap_ends_with_1(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_api, "MODULES", ("stress.errors",))  # all of them are built by CI
    monkeypatch.setattr("sys.argv", ["make_api.py", "--out", str(tmp_path)])
    assert make_api.main() == 0
    page = (tmp_path / "stress" / "errors.html").read_text("utf-8")
    assert 'id="InputError"' in page
    assert "Parameters" in page
    monkeypatch.setattr(make_api, "gaps", lambda module: ["stress.f: no docstring"])
    assert make_api.main() == 1
    assert capsys.readouterr().err == "stress.f: no docstring\n"
