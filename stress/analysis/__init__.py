"""Questions that take several designs: studies on one market, reverse stress."""
