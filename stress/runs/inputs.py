"""The files that the scenario of a saved run reads: found again, and the ones that it was run with.

Who wrote a run directory chose the paths in it. So a file is compared by its digest before anything is made of it: what
another file holds reaches no message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stress.errors import InputError, Problem, raise_if
from stress.files import reading
from stress.scenario.files import files_of


def check(scenario: Mapping[str, Any], inputs: Mapping[str, Mapping[str, str]], where: str) -> dict[str, Path]:
    """The paths of the files of a scenario, by dotted key.

    Parameters
    ----------
    scenario : mapping
        Its tables.
    inputs : mapping
        Absolute `path` and `sha256` of each file, by dotted key.
    where : str
        Name of the run in messages.

    Raises
    ------
    InputError
        For every file that cannot be read, has other content, or has no digest.
    """
    problems = []
    paths = {}
    for key, name in files_of(scenario):
        if key not in inputs:
            problems.append(Problem(where, "a file whose digest was kept", column=key, value=name))
            continue
        paths[key] = Path(inputs[key]["path"])
        try:
            same = hashlib.sha256(reading.read_bytes(paths[key], pipes=False)).hexdigest() == inputs[key]["sha256"]
        except InputError as error:
            problems += [Problem(where, p.expected, column=key, value=str(paths[key])) for p in error.problems]
            continue
        if not same:
            problems.append(Problem(where, "the file as it was when it was run", column=key, value=str(paths[key])))
    raise_if(problems)
    return paths
