"""What pydantic finds wrong with values, as the problems of this package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from stress.errors import Problem

TYPES = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "a table",
    "model_type": "a table",
    "tuple_type": "a list",
    "list_type": "a list",
}


def problems_of(
    error: ValidationError, where: str, prefix: tuple[str, ...], unknown: Callable[[Sequence[str]], str]
) -> list[Problem]:
    """Convert the errors of pydantic to problems.

    Parameters
    ----------
    error : ValidationError
    where : str
        Name of the file or object in messages.
    prefix : tuple of str
        Names of the tables that the keys are in.
    unknown : callable
        Description of what is expected in place of an unknown key, of its name after those of the tables that it is in.
    """
    problems = []
    for e in error.errors(include_url=False):
        place = [*prefix, *(str(part) for part in e["loc"] if isinstance(part, str) and not part.startswith("["))]
        kind, context = e["type"], e.get("ctx", {})
        value: Any = e["input"]
        if kind == "extra_forbidden":
            expected, value = unknown([str(part) for part in e["loc"]]), None
        elif kind == "missing":
            expected, value = "a value; this key is required", None
        elif kind == "string_pattern_mismatch":
            expected = "letters, digits, dots, dashes and underscores, at most 64"
        elif kind == "literal_error":
            expected = "one of " + str(context["expected"]).replace(" or ", ", ").replace("'", "")
        elif kind == "value_error":
            message = str(context["error"])
            expected, value = (f"consistent parameters: {message}", None) if not e["loc"] else (message, value)
        else:
            expected = TYPES.get(kind) or e["msg"].removeprefix("Input should be ")
        problems.append(Problem(where, expected, column=".".join(place) or None, value=value))
    return problems
