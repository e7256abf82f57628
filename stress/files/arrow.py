"""Tables of parquet and feather files; what they would take in memory is known from their description and is limited.

Only the columns that are wanted are read. An index that pandas stored is a column; one without a name counts as `keys`
do, see `stress.files.titles`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stress.errors import InputError, Problem, raise_if
from stress.files.cells import missing, number
from stress.files.reading import MOST_TABLE, too_large
from stress.files.titles import Header, Titles

PARQUET = (".parquet", ".pq")
FEATHER = (".feather",)
INDEX = "__index_level_"  # what pandas calls an index without a name
LONGEST_CELL = 2**17  # characters, as in text
NEVER = np.iinfo(np.int64).min  # a missing time


def is_arrow(path: Path, data: bytes) -> bool:
    """Whether a file is parquet or feather, by its name or its first bytes."""
    return path.suffix.lower() in PARQUET + FEATHER or data[:4] == b"PAR1" or data[:6] == b"ARROW1"


class ArrowCells:
    """A column of numbers, times or text.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Of a kind that `read` allows.
    """

    typed: np.ndarray | None = None

    def __init__(self, column: Any):
        import pyarrow

        self.is_text = _is_text(column.type) or pyarrow.types.is_dictionary(column.type)
        decimal = pyarrow.types.is_decimal(column.type)
        self.column = column.cast(pyarrow.float64(), safe=False) if decimal else column
        self.times = _times(column)

    def __len__(self) -> int:
        return len(self.column)

    def __iter__(self) -> Iterator[str]:
        import pyarrow

        if self.times is not None:
            yield from map(self._time, self.times)
            return
        for chunk in self.column.chunks:
            if pyarrow.types.is_dictionary(chunk.type):  # its own to_pylist takes three times as long
                texts = list(map(_text, chunk.dictionary.to_pylist()))
                yield from ("" if i is None else texts[i] for i in chunk.indices.to_pylist())
            else:
                yield from map(_text, chunk.to_pylist())

    def __getitem__(self, i: int) -> str:
        return self._time(self.times[i]) if self.times is not None else _text(self.column[i].as_py())

    @staticmethod
    def _time(ns: np.int64) -> str:
        return "" if ns == NEVER else str(ns.astype("datetime64[ns]"))

    def select(self, keep: np.ndarray) -> ArrowCells:
        """The cells at the ascending indices `keep`, int64[K]."""
        return ArrowCells(self.column.take(keep))

    def numbers(self) -> np.ndarray:
        """Numbers, float64[N]; nan where a cell is empty or no finite decimal number."""
        import pyarrow

        kind = self.column.type
        if pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind):
            values: np.ndarray = np.array(self.column.cast(pyarrow.float64(), safe=False).to_numpy())
            values[np.isinf(values)] = np.nan
            return values
        return np.array(list(map(number, self)), dtype=np.float64)

    def missing(self) -> np.ndarray:
        """Whether a cell is null, nan or a word for no value, bool[N]."""
        import pyarrow

        kind = self.column.type
        if pyarrow.types.is_floating(kind):
            return np.array(self.column.is_null(nan_is_null=True).to_numpy())
        if pyarrow.types.is_dictionary(kind) or _is_text(kind):
            return missing(self)
        return np.array(self.column.is_null().to_numpy())


def read(data: bytes, path: Path, titles: Titles) -> tuple[list[ArrowCells], np.ndarray]:
    """The cells of the columns that are wanted, and the number of each record, from 1.

    Parameters
    ----------
    data : bytes
    path : Path
        Of the file, for its kind and for messages.
    titles : Titles
        Chooses among the columns.

    Raises
    ------
    InputError
        If pyarrow is missing, the file is damaged or larger, or a wanted column has no numbers, times or texts.
    """
    where = path.name
    if importlib.util.find_spec("pyarrow") is None:
        raise InputError(Problem(where, "pyarrow to read this file: pip install 'perp-stress[io]'"))
    import pyarrow

    kind = "feather" if path.suffix.lower() in FEATHER or data.startswith(b"ARROW1") else "parquet"
    try:
        source = pyarrow.BufferReader(data)
        table = (_read_feather if kind == "feather" else _read_parquet)(source, where, titles)
        cells = [ArrowCells(column) for column in table.columns]
    except InputError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, MemoryError, OverflowError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(Problem(where, f"a {kind} file ({reason})")) from None
    return cells, np.arange(1, table.num_rows + 1)


def _read_parquet(source: Any, where: str, titles: Titles) -> Any:
    from pyarrow import parquet

    schema = parquet.ParquetFile(source).schema_arrow
    wanted = titles.choose(_header(schema))
    _check_kinds(schema, wanted, where)
    names = [schema.names[j] for j in wanted]
    file = parquet.ParquetFile(source, read_dictionary=[schema.names[j] for j in wanted if _is_text(schema.types[j])])
    groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
    chunks = [group.column(j) for group in groups for j in range(group.num_columns)]
    size = sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema in names)
    _check_size(max(size, 8 * file.metadata.num_rows * len(names)), where)
    return _checked_texts(file.read(columns=names, use_threads=False).select(names), where)


def _read_feather(source: Any, where: str, titles: Titles) -> Any:
    from pyarrow import dataset, ipc

    schema = ipc.open_file(source).schema
    wanted = titles.choose(_header(schema))
    _check_kinds(schema, wanted, where)
    rows = dataset.IpcFileFormat().make_fragment(source).count_rows()
    _check_size(8 * rows * len(wanted), where)
    options = ipc.IpcReadOptions(included_fields=wanted)
    table = ipc.open_file(source, options=options).read_all()
    _check_size(table.nbytes, where)
    return _checked_texts(table.select([schema.names[j] for j in wanted]), where)


def _header(schema: Any) -> Header:
    """The titles; an index without a name is a key, which is a time or a name."""
    return Header(schema.names, keys=tuple(j for j, name in enumerate(schema.names) if name.startswith(INDEX)))


def _check_kinds(schema: Any, wanted: list[int], where: str) -> None:
    """Refuse columns that hold anything but numbers, times or texts."""
    from pyarrow import types

    def value_type(kind: Any) -> Any:
        return kind.value_type if types.is_dictionary(kind) else kind

    allowed = (types.is_integer, types.is_float32, types.is_float64, types.is_decimal, types.is_boolean, types.is_null)
    raise_if(
        [
            Problem(where, "a column of numbers, times or texts", column=schema.names[j], value=str(schema.types[j]))
            for j in wanted
            if not (
                any(is_kind(value_type(schema.types[j])) for is_kind in allowed)
                or _is_time(schema.types[j])
                or _is_text(value_type(schema.types[j]))
            )
        ]
    )


def _check_size(size: int, where: str) -> None:
    if size > MOST_TABLE:
        raise too_large(where, MOST_TABLE, "unpacked")


def _checked_texts(table: Any, where: str) -> Any:
    """The table, unless its texts are no UTF-8, or so long that they take more where they are used than in the file."""
    import pyarrow.compute as pc
    from pyarrow import types

    table.validate(full=True)  # texts may be no UTF-8
    for i, (title, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        table = table.set_column(i, title, _without_views(column, where))
    for title, column in zip(table.column_names, table.columns, strict=True):
        for chunk in column.chunks:
            texts = chunk.dictionary if types.is_dictionary(chunk.type) else chunk
            if _is_text(texts.type) and (pc.max(pc.binary_length(texts)).as_py() or 0) > LONGEST_CELL:
                raise InputError(Problem(where, f"texts of at most {LONGEST_CELL:,} bytes", column=title))
    return table


def _without_views(column: Any, where: str) -> Any:
    """A column whose texts are no views; these, as polars writes them, have fewer operations in pyarrow."""
    import pyarrow
    from pyarrow import types

    if types.is_dictionary(column.type) and _is_view(column.type.value_type):
        chunks = []
        for chunk in column.chunks:
            texts = _without_views(pyarrow.chunked_array([chunk.dictionary]), where).combine_chunks()
            chunks.append(pyarrow.DictionaryArray.from_arrays(chunk.indices, texts))
        return pyarrow.chunked_array(chunks, pyarrow.dictionary(column.type.index_type, pyarrow.large_string()))
    if not _is_view(column.type):
        return column
    _check_size(sum(map(_view_size, column.chunks)), where)
    return column.cast(pyarrow.large_string())


def _view_size(chunk: Any) -> int:
    """Bytes of the texts of an array of views, of which many may show the same bytes; each begins with its length."""
    views = np.frombuffer(chunk.buffers()[1] or b"", dtype=np.int32)
    lengths = views[4 * chunk.offset : 4 * (chunk.offset + len(chunk)) : 4]
    return int(lengths[np.array(chunk.is_valid())].sum(dtype=np.int64))


def _is_view(kind: Any) -> bool:
    from pyarrow import types

    is_view = getattr(types, "is_string_view", None)  # from pyarrow 16 on
    return is_view is not None and bool(is_view(kind))


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind)) or _is_view(kind)


def _is_time(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_timestamp(kind) or types.is_date(kind))


def _times(column: Any) -> np.ndarray | None:
    """Ns since 1970 of a column of times, int64[N]; None for another."""
    import pyarrow

    if not _is_time(column.type):
        return None
    return np.array(column.cast(pyarrow.timestamp("ns")).cast(pyarrow.int64()).fill_null(NEVER).to_numpy())


def _text(value: Any) -> str:
    """A cell as text; repr of a float is its shortest exact text, so this loses nothing."""
    return "" if value is None else str(value).strip()
