"""Time stamps of bars: what is read without asking, what is asked, and what each time format reads."""

from __future__ import annotations

import numpy as np
import pytest

from stress.errors import InputError
from stress.files.cells import TextCells
from stress.prices.stamps import FORMATS, check_format, read_stamps

pytestmark = pytest.mark.nojit


def stamps(*texts, time_format=None):
    cells = TextCells()
    cells.append(texts)
    return read_stamps(cells, time_format)


def read(*texts, time_format=None):
    """The stamps as text; those that are refused as None."""
    found = stamps(*texts, time_format=time_format)
    times = found.time.astype("datetime64[us]").astype("datetime64[ms]").astype(str)
    return [None if wrong else time for time, wrong in zip(times, found.wrong, strict=True)]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1583020800", "2020-03-01T00:00:00.000"),
        ("1583020800.5", "2020-03-01T00:00:00.500"),
        ("1583020800123", "2020-03-01T00:00:00.123"),
        ("1583020800123000", "2020-03-01T00:00:00.123"),
        ("1583020800123000000", "2020-03-01T00:00:00.123"),
        ("1.5830208e9", "2020-03-01T00:00:00.000"),
        ("2020-03-01", "2020-03-01T00:00:00.000"),
        ("2020-03-01 12:30", "2020-03-01T12:30:00.000"),
        ("2020/03/01", "2020-03-01T00:00:00.000"),
        ("2020/03/01 01:00:00+01:00", "2020-03-01T00:00:00.000"),
        ("20200301 12:30", "2020-03-01T12:30:00.000"),
        ("20200301T123000Z", "2020-03-01T12:30:00.000"),
        ("2020-03-01T01:00:00.250+01:00", "2020-03-01T00:00:00.250"),
        ("2020-03-01 01:00 +0100", "2020-03-01T00:00:00.000"),
        ("1995-03-01", "1995-03-01T00:00:00.000"),
    ],
)
def test_what_has_one_reading_needs_no_format(text, time):
    assert read(text) == [time]


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("20200301", "'yyyymmdd' reads 2020-03-01T00:00:00, 'seconds' reads 1970-08-22T19:11:41"),
        ("2020030112", "'yyyymmdd' reads 2020-03-01T12:00:00, 'seconds' reads 2034-01-04T23:28:32"),
        ("202003011230", "'yyyymmdd' reads 2020-03-01T12:30:00, 'ms' reads 1976-05-26T23:56:51"),
        ("20200301123000", "'yyyymmdd' reads 2020-03-01T12:30:00"),
        ("43901", "'excel' reads 2020-03-11T00:00:00, 'seconds' reads 1970-01-01T12:11:41"),
        ("43901.5", "'excel' reads 2020-03-11T12:00:00, 'seconds' reads 1970-01-01T12:11:41"),
        ("-5", "'seconds' reads 1969-12-31T23:59:55"),
        ("0", "'seconds' reads 1970-01-01T00:00:00"),
        ("1e300", "this number is no time in any"),
    ],
)
def test_a_number_with_several_readings_is_asked_for(text, readings):
    found = stamps(text, text)
    assert found.wrong.tolist() == [True, False]
    assert found.expected == f"a time from 2009 to 2100, or a time format: {readings}; 2 rows are like it"


def test_seconds_of_2034_are_read_where_no_calendar_has_them():
    assert read("2020030100", "2020030160") == ["2034-01-04T23:28:20.000", "2034-01-04T23:29:20.000"]


def test_seconds_that_look_like_years_long_past_are_seconds():
    """1583020800 would be midnight of 8 February 1583."""
    assert read("1583020800", "1583020803") == ["2020-03-01T00:00:00.000", "2020-03-01T00:00:03.000"]


@pytest.mark.parametrize(
    ("time_format", "text", "time"),
    [
        ("seconds", "20200301", "1970-08-22T19:11:41.000"),
        ("ms", "86400000", "1970-01-02T00:00:00.000"),
        ("us", "86400000000", "1970-01-02T00:00:00.000"),
        ("ns", "86400000000000", "1970-01-02T00:00:00.000"),
        ("iso", "2020-03-01", "2020-03-01T00:00:00.000"),
        ("yyyymmdd", "20200229", "2020-02-29T00:00:00.000"),
        ("yyyymmdd", "2020022923", "2020-02-29T23:00:00.000"),
        ("yyyymmdd", "202002292359", "2020-02-29T23:59:00.000"),
        ("yyyymmdd", "20200229235958", "2020-02-29T23:59:58.000"),
        ("yyyymmdd", "20200230", None),
        ("yyyymmdd", "20201301", None),
        ("yyyymmdd", "2020030124", None),
        ("yyyymmdd", "2020-03-01", None),
        ("excel", "43901.000694444", "2020-03-11T00:01:00.000"),
        ("excel", "25569", "1970-01-01T00:00:00.000"),
        ("dmy", "01/03/2020 12:30", "2020-03-01T12:30:00.000"),
        ("mdy", "01/03/2020 12:30", "2020-01-03T12:30:00.000"),
        ("mdy", "31/12/2020", None),
        ("%d/%m/%Y %H:%M", "01/03/2020 12:30", "2020-03-01T12:30:00.000"),
        ("%m/%d/%Y", "01/03/2020", "2020-01-03T00:00:00.000"),
        ("%d/%m/%Y", "32/03/2020", None),
        ("%Y-%m-%d %z", "2020-03-01 +0100", "2020-02-29T23:00:00.000"),
    ],
)
def test_every_format(time_format, text, time):
    assert read(text, time_format=time_format) == [time]


def test_every_format_is_tried():
    tried = {mark.args[1][i][0] for mark in test_every_format.pytestmark for i in range(len(mark.args[1]))}
    assert set(FORMATS) <= tried


@pytest.mark.parametrize("wrong", ["", "date", "ISO", "%", "%H:%M", "%Y-%Q", "%Y %", 5, b"%Y"])
def test_a_format_that_is_none(wrong):
    with pytest.raises(InputError, match="time_format: got"):
        check_format(wrong)


@pytest.mark.parametrize(
    "text",
    [
        *("01/03/2020", "2020-03-01 CET", "2020", "2020-03", "2020-02-30", "9999-01-01"),
        *("noon", "２０２０-03-01", "2020-03-01T24:30", "2020/03-01", "2020/30/01", "1_583_020_800"),
    ],
)
def test_what_no_format_is_guessed_for(text):
    found = stamps(text, "2020-03-02")
    assert found.wrong.tolist() == [True, False]
    assert "another needs a time format" in found.expected


@pytest.mark.parametrize(
    ("texts", "time"),
    [
        (["31/12/2024", "01/01/2025"], "2024-12-31T00:00:00.000"),
        (["12/31/2024 2:00 PM", "1/1/2025 12:00 AM"], "2024-12-31T14:00:00.000"),
        (["31.12.2024 14:00", "01.01.2025 14:00"], "2024-12-31T14:00:00.000"),
        (["2024.12.31", "2025.01.01"], "2024-12-31T00:00:00.000"),
        (["2024.12.31 14:00:30", "2025.01.01 00:00:00"], "2024-12-31T14:00:30.000"),
        (["31 Dec 2024 14:00", "1 January 2025 14:00"], "2024-12-31T14:00:00.000"),
        (["Dec 31, 2024", "Jan 01, 2025"], "2024-12-31T00:00:00.000"),
        (["31-Dec-2024", "01-Jan-2025"], "2024-12-31T00:00:00.000"),
        (["Tue, 31 Dec 2024 14:00:00 GMT", "Wed, 01 Jan 2025 00:00:00 GMT"], "2024-12-31T14:00:00.000"),
        (["2024-12-31 12-AM", "2024-12-31 01-PM"], "2024-12-31T00:00:00.000"),
        (["2024-12-31 00:00:00 UTC", "2025-01-01 00:00:00 UTC"], "2024-12-31T00:00:00.000"),
        (["2024-1-5 3:00", "2024-10-15 13:00"], "2024-01-05T03:00:00.000"),
        (["31/12/2024 14:00+01:00", "31/12/2024 15:00+01:00"], "2024-12-31T13:00:00.000"),
        (["05/05/2024"], "2024-05-05T00:00:00.000"),  # one reading, whichever is the day
    ],
)
def test_local_forms_with_one_reading(texts, time):
    assert read(*texts)[0] == time
    assert None not in read(*texts)


def test_local_forms_with_two_readings_are_asked_for():
    found = stamps("05/05/2024", "03/02/2024 14:00", "04/02/2024")
    assert found.wrong.tolist() == [False, True, False]
    assert found.expected == (
        "a time with one reading, or a time_format: 'dmy' reads 2024-02-03T14:00:00, "
        "'mdy' reads 2024-03-02T14:00:00; no row has a day above 12"
    )


@pytest.mark.parametrize("wrong", ["32/12/2024", "31/12/24", "30/02/2024", "31/12/2024 24:00", "31 Dec 2024 13 PM"])
def test_a_row_that_is_no_time_is_named_beside_others_that_are(wrong):
    found = stamps("31/12/2024", wrong, "30/12/2024")
    assert found.wrong.tolist() == [False, True, False]
    assert found.expected == "a time with the day in front (dmy), as in other rows"


def test_an_offset_is_in_all_rows_or_in_none():
    found = stamps("2020-03-01T00:00Z", "2020-03-01T00:01", "2020-03-01T00:02Z")
    assert found.wrong.tolist() == [False, True, False]
    assert "in all rows or in none" in found.expected
    assert stamps("2020-03-01T00:00Z", "2020-03-01T00:01+01:00").wrong.tolist() == [False, False]


def test_a_change_from_ms_to_us_is_told():
    """As in the files of Binance, whose unit changed with the year 2025."""
    found = stamps("1735689540000", "1735689600000000", "1735689660000000")
    assert not found.wrong.any()
    assert found.later.tolist() == [False, True, True]
    assert np.diff(found.time).tolist() == [60_000_000] * 2
    assert not stamps("1735689540000", "1735689600000").later.any()
    backwards = stamps("1735689660000000", "1735689600000000", "1735689540000")
    assert (backwards.wrong.any(), backwards.later.tolist()) == (False, [True, True, False])


@pytest.mark.parametrize(
    ("texts", "wrong"),
    [
        (["1735689540", "1735689600000", "1735689660000"], [True, False, False]),  # seconds
        (["1735689540000000", "1735689600000", "1735689660000"], [True, False, False]),  # back to ms
        (["1735689540000", "1735689600000000", "1735689660000"], [False, True, False]),  # to and fro
    ],
)
def test_other_mixes_of_units_are_refused(texts, wrong):
    found = stamps(*texts)
    assert found.wrong.tolist() == wrong
    assert found.expected == "ms since 1970, as in most rows"


def test_days_of_a_spreadsheet_that_are_cut_off_are_read_to_the_second():
    found = stamps(*(f"{43891 + hour / 24:.6f}" for hour in range(24)), time_format="excel")
    assert np.diff(found.time).tolist() == [3_600_000_000] * 23
