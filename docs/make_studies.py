"""Writes the outputs of docs/studies.md: `python docs/make_studies.py`, a minute.

Every line of a console block that begins with `$` is run at the root of the repository; what it prints stands below it.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "studies.md"


def commands(text: str) -> list[str]:
    """The commands of the page, without the `$`."""
    return re.findall(r"^\$ (.*)$", text, re.MULTILINE)


def printed(command: str) -> str:
    """What a command prints, without empty lines at its ends."""
    _, *words = shlex.split(command)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "stress", *words], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
        encoding="utf-8", check=True,
    )  # fmt: skip
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return "\n".join(lines).strip("\n")


def main() -> None:
    """Run all commands and write the page."""

    def again(block: re.Match[str]) -> str:
        return "```console\n" + "\n".join(f"$ {c}\n{printed(c)}" for c in commands(block[1])) + "\n```"

    text = re.sub(r"^```console\n(.*?)^```", again, PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
