"""The price that a run of a file of positions starts from, and one that does not fit them."""

from __future__ import annotations

import pytest

import stress
from stress.errors import InputError
from tests.support.tiny import BARS

pytestmark = pytest.mark.nojit

HEAD = "account,market,side,size,entry_price,margin"
POSITIONS = ["a,BTCUSDT,long,2,60000,9000", "b,BTCUSDT,short,1,61000,9000", "c,BTCUSDT,short,1,57000,9000"]
SCENARIO = """
[venue]
preset = "binance"
market = "BTCUSDT"
rules = "simple"
[book]
file = "positions.csv"
[prices]
model = "episode"
name = "2020-03-12-btc"
[fund]
initial = 100.0
[run]
delay = 1.0
"""


def scenario(folder, *changes, mark=None, text=SCENARIO):
    """A scenario whose positions were entered around 60,000, marked at a price or not."""
    rows = [HEAD, *POSITIONS] if mark is None else [f"{HEAD},mark_price", *(f"{row},{mark}" for row in POSITIONS)]
    (folder / "positions.csv").write_text("\n".join(rows))
    (folder / "bars.csv").write_text(BARS)
    (folder / "crash.toml").write_text(text)
    return stress.load_scenario(folder / "crash.toml", changes)


def test_an_episode_starts_at_the_mark_of_the_file(tmp_path):
    built = scenario(tmp_path, mark=60_012.5).build()
    assert built.design.s0 == 60_012.5
    said = [str(x) for x in built.adjustments]
    assert (
        "positions.csv: 3 positions played from 60,012.5 on, their mark price: prices.s0 chooses another price"
    ) in said
    assert any("played at 60,012.5 in place of" in text for text in said)


def test_without_a_mark_it_starts_at_the_middle_of_the_entries(tmp_path):
    built = scenario(tmp_path).build()
    assert built.design.s0 == 60_000.0
    (said,) = [x for x in built.adjustments if "played from" in x.what]
    assert "do not fit 7,9" in said.rule or "do not fit 7," in said.rule
    assert built.design.prices.describe()["s0"] == 60_000.0


def test_the_scenario_may_say_the_mark(tmp_path):
    assert scenario(tmp_path, "book.mark_price=59_500").build().design.s0 == 59_500.0
    assert scenario(tmp_path, "book.mark_price=59_500", mark=60_100).build().design.s0 == 60_100.0


def test_s0_goes_before_the_mark(tmp_path):
    built = scenario(tmp_path, "prices.s0=60_500", mark=60_012.5).build()
    assert built.design.s0 == 60_500.0
    assert not any("played from" in x.what for x in built.adjustments)


@pytest.mark.parametrize("extra", ["", "prices.scale=1.0"])
def test_bars_that_fit_are_played_where_they_were(tmp_path, extra):
    text = SCENARIO.replace('"episode"\nname = "2020-03-12-btc"', '"replay"\nbars = "bars.csv"')
    loaded = scenario(tmp_path, *filter(None, [extra]), text=text)
    (tmp_path / "positions.csv").write_text(
        "\n".join([HEAD, "a,BTCUSDT,long,2,7400,900", "b,BTCUSDT,short,2,7000,1900"])
    )
    assert loaded.build().design.s0 == 7_300.0
    assert loaded.build().adjustments == ()


HELD = "account,market,szi,entryPx,marginUsed"  # with profit, so that margins follow from the mark
WITH_PROFIT = ["a,BTCUSDT,2,60000,9000", "b,BTCUSDT,-1,61000,9000", "c,BTCUSDT,-1,57000,9000"]


@pytest.mark.filterwarnings("ignore:.*read at the mark 30000")
def test_margins_that_were_read_at_a_price_are_no_proof_that_it_fits(tmp_path):
    """At half of the entries every equity holds, since it is what the file says; the shorts' margins are below 0."""
    loaded = scenario(tmp_path, "prices.s0=30_000")
    (tmp_path / "positions.csv").write_text("\n".join([HELD, *WITH_PROFIT]))
    with pytest.raises(
        InputError, match=r"s0 30,000 does not fit entries around 60,000; 50.% of the .*book.mark_price"
    ):
        loaded.build()
    marked = scenario(tmp_path, "book.mark_price=30_000", "prices.s0=30_000")
    (tmp_path / "positions.csv").write_text("\n".join([HELD, *WITH_PROFIT]))
    assert marked.build().design.book.margin.tolist() == [69_000.0, -22_000.0, -18_000.0]


def test_a_model_that_needs_a_price_takes_that_of_the_book(tmp_path):
    text = SCENARIO.replace('"episode"\nname = "2020-03-12-btc"', '"gbm"\nsigma = 0.8')
    assert scenario(tmp_path, mark=60_012.5, text=text).build().design.s0 == 60_012.5
    resolved = scenario(tmp_path, mark=60_012.5, text=text).resolved()
    assert resolved["prices"]["s0"] == 60_012.5


def test_a_price_that_does_not_fit_is_called_by_its_name(tmp_path):
    with pytest.raises(InputError) as caught:
        scenario(tmp_path, "prices.s0=19_093").build()
    (problem,) = caught.value.problems
    text = str(problem)
    assert text.startswith("--set, prices.s0: got 19093")
    assert "s0 19,093 does not fit entries around 60,000; 50 % of the notional" in text.replace("\u00a0", " ")
    assert "liquidate" not in text.replace("would be liquidated at once", "")
    assert "drop" not in text


def test_with_words_for_those_under_margin_it_is_run(tmp_path):
    built = scenario(tmp_path, "prices.s0=19_093", "book.under_margin=liquidate").build()
    (done,) = [x for x in built.adjustments if "liquidated at step 1" in x.what]
    assert (done.count, done.of, done.rows) == (1, 3, (2,))


def test_simulate_names_it_too():
    venue = stress.load_venue("binance", market="BTCUSDT").simplified()
    book = stress.Book([1, -1], [2, 2], [60_000, 60_000], [9_000, 9_000], source="mine")
    prices = stress.prices.GBM(s0=7_325.0, sigma=0.5)
    with pytest.raises(InputError, match=r"run, s0: got 7325.*positions of mine.*does not fit entries around 60,000"):
        stress.simulate(book, venue, prices, fund=1e4, n_paths=2)


def test_a_mark_far_from_old_entries_fits():
    """Entries of years ago are no fault where the file is marked at the price."""
    venue = stress.load_venue("binance", market="BTCUSDT").simplified()
    columns = dict(side=[1, -1], quantity=[2, 2], entry_price=[16_000, 16_000], margin=[9_000, 400_000])
    assert len(stress.Book(**columns, mark_price=61_000.0).check_margin(venue, 60_000.0)) == 2
    assert len(stress.Book(**columns).check_margin(venue, 60_000.0)) == 2  # nor where all have margin enough
    columns["margin"] = [9_000, 9_000]
    with pytest.raises(InputError, match="does not fit entries around 16,000"):
        stress.Book(**columns).check_margin(venue, 60_000.0)


def test_a_price_that_most_positions_were_entered_at_fits():
    """One large old position, the larger half of the value at entry, and none under margin."""
    venue = stress.load_venue("binance", market="BTCUSDT").simplified()
    book = stress.Book([-1, 1, 1], [100, 50, 50], [1_000, 1_000, 3_500], [150_000, 100_000, 175_000])
    assert len(book.check_margin(venue, 1_000.0)) == 3
    other = stress.Book(
        [-1, 1, 1], [60, 10, 50], [3_500, 1_000, 3_500], [150_000, 100_000, 125_100]
    )  # the last under it
    with pytest.raises(InputError, match="s0 1,000 does not fit entries around 3,500"):
        other.check_margin(venue, 1e3)


def test_many_positions_under_margin_are_one_fault():
    venue = stress.load_venue("binance", market="BTCUSDT").simplified()
    n = 30
    book = stress.Book([1, -1] * n, [1] * 2 * n, [60_000] * 2 * n, [1.0, 9_000] * n)
    with pytest.raises(InputError) as caught:
        book.check_margin(venue, 60_000.0)
    (problem,) = caught.value.problems
    assert "30 of 60 positions, USD\u00a01.8\u00a0M, are at or below it (rows 1, 3, 5, 7, 9, ...;" in str(problem)


def test_bad_marks_are_refused():
    with pytest.raises(InputError, match="mark_price"):
        stress.Book([1], [1], [100], [10], mark_price=-1.0)
