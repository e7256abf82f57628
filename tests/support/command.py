"""The command `perp-stress` in the process of a test."""

from collections.abc import Callable

import pytest

from stress.cli import main


def caller(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command with some arguments: exit code, standard output and standard error, with plain blanks."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = exit_code(*arguments)
        text = capsys.readouterr()
        return code, text.out.replace("\u00a0", " "), text.err.replace("\u00a0", " ")

    return call


def exit_code(*arguments: object) -> int:
    """The exit code of the command with some arguments."""
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    code = caught.value.code or 0
    assert isinstance(code, int)
    return code
