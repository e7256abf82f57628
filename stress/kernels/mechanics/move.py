"""The move in hand: how late its orders are, and at which prices they meet the book."""

import math

from stress.kernels.jit import jit_force_inline
from stress.kernels.path.fills import JUMP, LateFill, fill_price, find_line, gap_price, make_fill, price_on


@jit_force_inline
def fill_of_move(p):
    """How late orders are in the move in hand; without a delay, and on a mark of its own, it is not asked."""
    moment, terms = p.moment, p.terms
    if terms.delay > 0.0 and moment.is_own_mark == 0:
        return make_fill(p.course, moment.move, moment.start, terms, p.path.step)
    return LateFill(p.course, p.path.step, terms.delay / terms.dt, moment.start, 0.0, 0.0, 0.0, 0.0, math.nan)


@jit_force_inline
def order_prices(s, mu, fill, moment, terms):
    """The y and mu_y of a position of side s met at mu."""
    target, gap = moment.target, moment.gap
    if moment.is_own_mark == 0:
        y = fill_price(fill, s, mu, target) if terms.delay > 0.0 else gap_price(mu, target, gap)
        return y, y
    if moment.move >= JUMP:
        if terms.delay > 0.0:
            find_line(fill.course, fill.step, 1.0 + fill.delay)
            return price_on(fill.course.line, 1.0 + fill.delay), mu
        return moment.close, mu
    before, close, way = moment.before, moment.close, moment.source - moment.trigger_source
    part = (moment.source - mu) / way if way != 0.0 else 0.0
    if terms.delay > 0.0:
        find_line(fill.course, fill.step, part + fill.delay)
        return price_on(fill.course.line, part + fill.delay), mu
    x = before + part * (close - before)
    return gap_price(x, close, gap), gap_price(mu, target, gap)
