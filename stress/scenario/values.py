"""Types of the values of a scenario: numbers and durations with a unit, shares, seeds, each with its own check."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from stress import quantities
from stress.arguments import percent_hint


def rule(valid: Callable[[Any], bool], expected: str, hint: Callable[[Any], str] = lambda value: "") -> AfterValidator:
    """A validator whose error states the expected value.

    Parameters
    ----------
    valid : callable
        Whether a value is valid.
    expected : str
        Description of valid values.
    hint : callable
        What may have been meant by a wrong value, as the end of the description.
    """

    def check(value: Any) -> Any:
        if not valid(value):
            raise PydanticCustomError("expected", "{expected}", {"expected": expected + hint(value)})
        return value

    return AfterValidator(check)


def _duration(value: Any) -> Any:
    value = math.inf if value == "inf" else quantities.seconds(value)
    if isinstance(value, str):
        raise PydanticCustomError("expected", "{expected}", {"expected": quantities.DURATION})
    return value


def _number(value: Any) -> Any:
    value = quantities.number(value)
    if isinstance(value, str):
        raise PydanticCustomError("expected", "{expected}", {"expected": quantities.NUMBER})
    return value


def _whole(value: Any) -> Any:
    value = _number(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def none_of(value: Any) -> Any:
    """None for the word none; anything else as it is."""
    return None if value == "none" else value


def _with_durations(pairs: Any) -> Any:
    """A schedule whose times may be durations with a unit; `Depth` says what else is wrong with it."""
    if not isinstance(pairs, list):
        return pairs
    return [[_duration(pair[0]), *pair[1:]] if isinstance(pair, list) and pair else pair for pair in pairs]


Number = Annotated[float, BeforeValidator(_number)]
Share = Annotated[Number, rule(lambda x: 0 <= x <= 1, "a share from 0 to 1", percent_hint)]
Duration = Annotated[float, BeforeValidator(_duration), rule(lambda x: x > 0, "a duration above 0")]
Unbounded = Annotated[float, BeforeValidator(lambda value: math.inf if value == "inf" else _number(value))]
AnyDuration = Annotated[float, BeforeValidator(_duration)]
Delay = Annotated[float, BeforeValidator(_duration), rule(lambda x: 0 <= x < math.inf, "a duration of 0 or more")]
FiniteDuration = Annotated[
    float, BeforeValidator(_duration), rule(lambda x: 0 < x < math.inf, "a finite duration above 0")
]
Optional = Annotated[Number | None, BeforeValidator(none_of)]
Window = Annotated[float, BeforeValidator(_duration), rule(lambda x: 0 <= x < math.inf, "a duration, 0 or more")]
Schedule = Annotated[list[Any], BeforeValidator(_with_durations)]
Seed = Annotated[int, BeforeValidator(_whole), rule(lambda x: 0 <= x < 2**63, "a whole number from 0 to 2^63 - 1")]
Paths = Annotated[int, BeforeValidator(_whole), rule(lambda x: x >= 1, "a whole number, 1 or more")]
Redraws = Annotated[int, BeforeValidator(_whole), rule(lambda x: 5 <= x <= 1_000, "a whole number from 5 to 1,000")]
Probability = Annotated[Number, rule(lambda x: 0 < x < 1, "a probability above 0 and below 1", percent_hint)]
Tail = Annotated[Probability | None, BeforeValidator(none_of)]
_RelativeError = Annotated[Number, rule(lambda x: 0 < x <= 1, "a relative error above 0, at most 1", percent_hint)]
Tolerance = Annotated[_RelativeError | None, BeforeValidator(none_of)]
MostPaths = Annotated[Paths | None, BeforeValidator(none_of)]
Price = Annotated[Number, rule(lambda x: 0 < x < math.inf, "a price above 0")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
