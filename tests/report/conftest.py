"""What tests of the report share."""

import pytest

from stress import report


@pytest.fixture
def no_pictures(monkeypatch):
    """Pages whose text alone is looked at: drawing takes nine tenths of the time."""
    monkeypatch.setattr(report.figures, "svg", lambda *given, **options: "")
