"""Tables on disk: every text and every number comes back, and what a spreadsheet makes of a text is said."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pandas as pd
import pytest

from stress.errors import InputError
from stress.files import csv_tables, reading, writing

pytestmark = pytest.mark.nojit

CHARACTERS = [chr(i) for i in range(1, 0x110000) if not 0xD800 <= i < 0xE000]
CONTROLS = [*map(chr, range(1, 256)), "\u2028", "\u2029", "\ufeff", "\ufffe", "\U0010ffff"]
WORDS = ["", " ", " a ", "nan", "NA", "NaN", "None", "null", "N/A", "True", "inf", "-inf", "007", "1e5", "1_000",
         "0x10", "a,b",
         '"', '""', 'a"b', '"a"', "'", "\\", "a\\", "\r", "\n", "\r\n", "\n\r", "a\rb", "\ra", "a\r", "#a", ";",
         "a\tb", "=1+1", "+1", "-1", "@a", "é", "e\u0301", "日本"]  # fmt: skip


def texts() -> list[str]:
    """Every character that UTF-8 holds, each that is special on its own at both ends, and words."""
    chunks = ["".join(CHARACTERS[i : i + 1000]) for i in range(0, len(CHARACTERS), 1000)]
    return chunks + [text for c in CONTROLS for text in (c, f"{c}x", f"x{c}", f"x{c}y", c * 2)] + WORDS


@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz"])
def test_every_text_comes_back(name, tmp_path):
    words = texts()
    rng = np.random.default_rng(1)
    numbers = np.concatenate([[np.nan, np.inf, -np.inf, 5e-324, -0.0], rng.normal(size=len(words) - 5) * 1e17])
    table = pd.DataFrame({"account": words, "x": numbers, "n": np.arange(len(words)), "market": words[::-1]})
    table = table.rename_axis("position")
    csv_tables.write_csv(table, tmp_path / name, index=True)
    back = csv_tables.parse_csv((tmp_path / name).read_bytes(), name, ("account", "market"), "position")
    for column in ("account", "market"):
        assert back[column].tolist() == table[column].tolist()
    assert back["x"].to_numpy().tobytes() == table["x"].to_numpy().tobytes()
    assert back["n"].dtype == np.int64
    for word in [*(f"x{c}" for c in CONTROLS), *WORDS]:  # alone, so that what is quoted does not depend on the others
        one = pd.DataFrame({"account": [word, "b"], "x": [1.5, 2.0]})
        back = csv_tables.parse_csv(csv_tables.to_csv(one, "t").encode(), "t", ("account",))
        assert back["account"].tolist() == [word, "b"]
        assert back["x"].tolist() == [1.5, 2.0]


@pytest.mark.parametrize(("text", "what"), [("a\0b", "a NUL"), ("\ud800", "half a character"), ("x\udfff", "half a")])
def test_text_that_no_table_gives_back_is_refused(text, what, tmp_path):
    table = pd.DataFrame({"account": np.array(["a", text], object)}, dtype=object)
    for write in (lambda: csv_tables.to_csv(table, "t.csv"), lambda: csv_tables.write_csv(table, tmp_path / "t.csv")):
        with pytest.raises(InputError, match=rf"t\.csv: expected text without {what}"):
            write()
    assert list(tmp_path.iterdir()) == []
    assert writing.encode(text).decode() != text or "\0" in text


def test_texts_that_a_spreadsheet_takes_for_formulas_are_counted():
    table = pd.DataFrame({"account": ["a", "=1+1", "=1+1", "@x", "b=c"], "x": [-1.0, 2, 3, 4, 5], "side": ["long"] * 5})
    assert csv_tables.formulas(table) == (
        "a spreadsheet takes texts of this table for formulas: 2 in column account (first: '=1+1'); "
        "import the column as text there"
    )
    for first in "=+-@\t\r\n":
        assert "1 in column account" in csv_tables.formulas(pd.DataFrame({"account": [f"{first}x", "x"]}))
    assert csv_tables.formulas(table.iloc[[0, 4]]) == ""


def test_a_zip_file_is_unpacked_to_the_size_that_it_declares(tmp_path):
    """And not to what it holds."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", bytes(2**22))
    lying = stream.getvalue().replace((2**22).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    with pytest.raises(InputError, match="a whole zip file"):
        reading.unpacked(lying, "here")
    with pytest.raises(InputError, match="at most"):
        reading.unpacked(stream.getvalue(), "here", most=1000)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.csv", bytes(2**22))
    with pytest.raises(InputError, match="packed by deflate"):
        reading.unpacked(stream.getvalue(), "here")
