"""Where modules are looked for: not in the working folder, which holds a user's data and whatever else lies there.

`python -m` and an empty entry of PYTHONPATH put it first. Nothing else is imported here, so that this comes first.
"""

import os
import sys


def without_working_folder() -> list[str]:
    """The module path of this process; the working folder stays where PYTHONPATH names it, or it holds this package."""
    try:
        here = os.getcwd()
    except OSError:  # it is gone
        return [path for path in sys.path if path]
    named = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if here in (*named, os.path.dirname(os.path.dirname(__file__)), os.path.dirname(os.__file__)):
        here = ""
    return [path for path in map(os.path.abspath, filter(None, sys.path)) if path != here]
