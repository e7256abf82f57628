"""What was done to a person's input, and what a reader of the answer should know, as the command prints them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from stress.adjustments import Adjustment
from stress.formatting import visible

if TYPE_CHECKING:
    from rich.console import Console

TITLE = "What was done to your input"


def print_adjustments(adjustments: Sequence[Adjustment], out: Console) -> None:
    """Each with its count, its amount, the first rows, and below it the rule; nothing where nothing was done."""
    if not adjustments:
        return
    out.print(f"\n{TITLE}\n", style="bold")
    for x in adjustments:
        out.print(visible(x.done))
        out.print(f"  {visible(x.rule)}")


def print_warnings(warnings: Iterable[str], out: Console) -> None:
    """What a reader should know, a line each."""
    for i, text in enumerate(warnings):
        out.print(("\n" if i == 0 else "") + f"Note: {visible(text)}")
