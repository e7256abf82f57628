"""How objects of the package show themselves in a notebook: a title and a small table of HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

from stress.formatting import visible


def card(title: str, rows: Mapping[str, str], notes: Iterable[str] = ()) -> str:
    """A title above a table of names and values, and notes below it.

    Parameters
    ----------
    title : str
    rows : mapping of str to str
    notes : iterable of str

    Returns
    -------
    str
        HTML, in which every text is escaped.
    """
    lines = "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in rows.items())
    below = "".join(f"<div>{_text(note)}</div>" for note in notes)
    return f"<div><b>{_text(title)}</b><table>{lines}</table>{below}</div>"


def _text(text: str) -> str:
    return html.escape(visible(text))
