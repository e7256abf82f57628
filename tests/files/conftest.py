"""Packed tables for the tests of files."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["parquet", "feather"])
def save(request, tmp_path):
    """Writes columns to a file of each kind; `save.pa` is pyarrow."""
    pyarrow = pytest.importorskip("pyarrow")

    def write_columns(**columns):
        from pyarrow import feather, parquet

        path = tmp_path / f"t.{request.param}"
        made = pyarrow.table(columns)
        (parquet.write_table if request.param == "parquet" else feather.write_feather)(made, path)
        return path

    write_columns.pa = pyarrow
    return write_columns
