"""Bounds of the dependencies: each has a lowest version, and those are the versions that CI installs."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.nojit

BOUND = re.compile(r"([\w-]+)>=([\d.]+)(?:,<[\d.]+)?")
TOOLS = "dev"  # what runs the tests is taken as it comes
PINNED = re.compile(r"([\w-]+)==([\d.]+)")


def numbers(version: str) -> tuple[int, ...]:
    """A version with its trailing zeros dropped: 3.8 is 3.8.0."""
    parts = [int(part) for part in version.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def test_ci_installs_the_lowest_version_of_each():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = {name: extra for name, extra in project["optional-dependencies"].items() if name != TOOLS}
    needs = [*project["dependencies"], *(need for extra in extras.values() for need in extra)]
    found = [BOUND.fullmatch(need) for need in needs]
    assert all(found), "a dependency without a lowest version"
    lines = [line for line in (ROOT / ".ci" / "lowest.txt").read_text("utf-8").splitlines() if line[:1] != "#"]
    pinned = dict(PINNED.fullmatch(line).groups() for line in lines)
    assert {name: numbers(version) for name, version in pinned.items()} == {
        name: numbers(version) for name, version in (match.groups() for match in found)
    }
