"""Pictures as inline SVG.

Text stays text, colours follow the page, ids are unique in it, and the same result gives the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from stress.plots.style import BLUE, GREEN, INK, MUTED, PURPLE, RULE, VERMILION, legend_above, style

COLORS = {
    INK: "currentColor",
    "#000000": "currentColor",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    BLUE: "var(--blue)",
    VERMILION: "var(--vermilion)",
    GREEN: "var(--green)",
    PURPLE: "var(--purple)",
    "#ffffff": "var(--paper)",
}

BESIDE_LABELS = 0.84  # share of a picture's width that its axes have at least


def svg(
    name: str, alt: str, plot: Callable[..., Any], *args: Any, size: tuple[float, float] | None = None, **kwargs: Any
) -> Markup:
    """Draw `plot(*args, **kwargs, ax=ax)` and return the `<svg>` element.

    Parameters
    ----------
    name : str
        Prefix of every id in it; unique in the page, letters and digits.
    alt : str
        What the picture shows, for those who cannot see it.
    size : (float, float), optional
        Inches.
    """
    with style(), mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        ax = figure.subplots()
        plot(*args, **kwargs, ax=ax)
        ax.set_title("")  # the page has its own headings
        _make_room(figure, ax)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return Markup(inline(file.getvalue(), name, alt))


def _make_room(figure: Figure, ax: Axes) -> None:
    """Room above the axes for the legend, in as many rows as its width needs: what lies off the canvas is not drawn."""
    legend, engine = ax.get_legend(), figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    for columns in range(len(legend.texts) if legend else 0, 0, -1):
        legend = legend_above(ax, "", columns)
        box = legend.get_window_extent()
        engine.set(rect=(0.0, 0.0, 1.0, 1.0 - box.height / figure.bbox.height))
        if box.width <= BESIDE_LABELS * figure.bbox.width:  # measured alone: a layout of the whole costs as a drawing
            return


def inline(text: str, name: str, alt: str) -> str:
    """An SVG file as an element of a page."""
    body = text[text.index("<svg") :]
    box = re.search(r'viewBox="([^"]*)"', body)
    assert box is not None
    body = body[body.index(">") + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"<[^>]*>", lambda tag: _tag(tag.group(), name), body)
    return f'<svg viewBox="{box.group(1)}" role="img" aria-label="{escape(alt)}">{body.strip()}'


def _tag(tag: str, name: str) -> str:
    """One tag: ids with their prefix, colours of the page, numbers to a hundredth of a point. Text is left alone."""
    tag = re.sub(r'\bid="', f'id="{name}-', tag)
    tag = tag.replace("url(#", f"url(#{name}-").replace('xlink:href="#', f'href="#{name}-')
    tag = re.sub(r"#[0-9a-f]{6}\b", lambda found: COLORS.get(found.group(), found.group()), tag)
    return re.sub(r"(\d+\.\d{2})\d+", r"\1", tag)
