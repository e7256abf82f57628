"""Where the state of a model begins: its stationary law, today, or a quantile."""

from __future__ import annotations

from typing import Any

from stress.arguments import is_finite
from stress.errors import Problem


def check_start(model: Any, problems_of_today: list[Problem]) -> list[Problem]:
    """Problems of the arguments `start` and `today` of a model; a number becomes a float.

    Parameters
    ----------
    model : dataclass instance
        With the fields `start`, "stationary", "today" or a number in (0, 1), and `today`, None if it is not known.
    problems_of_today : list of Problem
        Those of `today`, where it is given.
    """
    start = model.start
    if is_finite(start) and 0.0 < start < 1.0:
        object.__setattr__(model, "start", float(start))
    elif not (isinstance(start, str) and start in ("stationary", "today")):
        wanted = '"stationary", "today" or a number in (0, 1), a quantile of the stationary law'
        return [Problem("prices", wanted, column="start", value=start), *problems_of_today]
    elif start == "today" and model.today is None:
        return [Problem("prices", 'a value, which start = "today" needs', column="today")]
    return problems_of_today
