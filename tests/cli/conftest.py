"""The command in a folder of its own."""

import pytest

from tests.support.command import caller
from tests.support.tiny import TINY


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with one scenario: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(TINY)

    return caller(capsys)
