"""What all tables of a scenario file have in common."""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table of the file; immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def known(cls) -> list[str]:
        """Names of the keys of the table."""
        return list(cls.model_fields)


def plain_value(value: Any) -> Any:
    """A value as JSON has it: lists, and inf as a word."""
    if isinstance(value, dict):
        return {key: plain_value(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(plain_value, value))
    return "inf" if isinstance(value, float) and value == math.inf else value
