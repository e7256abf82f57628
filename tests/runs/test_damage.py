"""Run directories that are damaged, or come from somebody else: what they are read as is what was written, or a file is
named."""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import json
import os
import pickle
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import stress
from stress import report, serialize
from stress.cli import main
from stress.errors import InputError
from stress.files import documents
from stress.results import comparison
from stress.runs import changes, sealed, shape
from stress.runs.record import summary
from tests.support.tiny import TINY, write_replay

DOCUMENTS = ("config.json", "scenario.json", "manifest.json")
PACKED = ("paths.csv.gz", "positions.csv.gz")
LABELLED = ("gaps.csv", "required_fund.csv")
ARRAYS = ("cells.npz", "fund_at.npz")
READ = (*DOCUMENTS, *(f"tables/{name}" for name in (*PACKED, *LABELLED, *ARRAYS)))


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenario")
    (folder / "tiny.toml").write_text(TINY)
    return stress.run(folder / "tiny.toml")


@pytest.fixture(scope="module")
def made(record, tmp_path_factory):
    return stress.save_run(record, tmp_path_factory.mktemp("made") / "run", report=True)


@pytest.fixture(scope="module")
def answers(made):
    return answers_of(stress.open_run(made))


@pytest.fixture
def directory(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "run"))


@pytest.fixture
def trusted(directory):
    """As of an earlier version, or of somebody who knows how: no digests, so that only the content speaks."""
    rewrite(directory / "manifest.json", lambda manifest: [manifest.pop("files"), manifest.pop("sha256")])
    return directory


def rewrite(file: Path, change) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")


def answers_of(record) -> list:
    """What is shown of a run, short of drawing it."""
    result = record.result
    frames = [result.summary(), result.depletion_curve(), result.by_leverage(), changes.since(record, record)]
    return [json.dumps(summary(record)), report.provenance(record), *(frame.to_csv() for frame in frames)]


def refused(directory: Path, name: str, expected: str | None = None) -> str:
    """The directory is refused, by the name of a file."""
    with pytest.raises(InputError, match=expected) as caught:
        stress.open_run(directory)
    assert str(directory / name) in str(caught.value)
    return str(caught.value)


DAMAGE = {
    "missing": None,
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "last bytes": lambda content: content[:-2],
    "a byte more": lambda content: content + b"\0",
    "zeros": lambda content: bytes(len(content)),
    "null": lambda content: b"null",
    "list": lambda content: b"[]",
    "number": lambda content: b"7",
    "nested": lambda content: b"[" * 200_000,
    "no keys": lambda content: b"{}",
    "not UTF-8": lambda content: content[:20] + b"\xff" + content[20:],
    "large number": lambda content: b'{"schema_version": ' + b"9" * 5_000 + b"}",
    "gzip": lambda content: gzip.compress(content),
    "text": lambda content: b"a,b\n1,2\n",
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", READ)
def test_a_damaged_file_is_named(name, damage, directory):
    file = directory / name
    if DAMAGE[damage] is None:
        file.unlink()
    else:
        file.write_bytes(DAMAGE[damage](file.read_bytes()))
    if name == "manifest.json" and damage == "missing":
        with pytest.raises(InputError, match=r"run: expected a run directory; there is no manifest\.json in it"):
            stress.open_run(directory)
    else:
        refused(directory, name)


@pytest.mark.parametrize("name", READ)
def test_no_flipped_bit_changes_a_figure(name, directory, answers):
    file = directory / name
    good, rng, named = file.read_bytes(), np.random.default_rng(1), 0
    for at in [0, 1, len(good) // 2, len(good) - 1, *rng.integers(0, len(good), 12)]:
        bad = bytearray(good)
        bad[at] ^= 1 << int(rng.integers(8))
        file.write_bytes(bad)
        try:
            record = stress.open_run(directory)
        except InputError as error:
            named += str(directory) in str(error)
        else:
            assert answers_of(record) == answers
    assert named > 0


def test_what_is_not_read_may_be_changed(directory, answers):
    (directory / "report.html").write_text("mine")
    shutil.rmtree(directory / "figures")
    (directory / "notes.txt").write_text("mine")
    assert answers_of(stress.open_run(directory)) == answers


def test_a_directory_without_digests_is_read_too(trusted, answers):
    assert answers_of(stress.open_run(trusted)) == answers


def test_a_changed_table_is_refused_though_it_is_a_table(directory):
    file = directory / "tables" / "required_fund.csv"
    file.write_text(file.read_text().replace("0.2", "0.3"))
    assert "it is damaged, or was changed" in refused(directory, "tables/required_fund.csv")


CHECKS = {
    "config.json": shape.check_config,
    "scenario.json": lambda document, where: shape.check(document, shape.ResolvedScenario, where),
    "manifest.json": lambda document, where: shape.check(document, shape.Manifest, where),
}
# Whatever these hold, these checks pass; the digest and the schema of a manifest have checks of their own.
LEFT_ALONE = {
    "config.json": r"venue\.contract|prices\.(drift|p_up)",
    "scenario.json": r"seed|run\.(paths|gap|jump_gap)|(venue|prices|depth)\..*|depth",
    "manifest.json": r"sha256|schema_version|threads|paths_per_second",
}
OPTIONAL = {
    "config.json": r"venue\.(drawdown|drawdown_window|notes\.0)|prices\.(model|sigma)|depth\.oi_share",
    "scenario.json": r"venue|fund\.alphas\.0",
    "manifest.json": r"versions\..*|warnings\.0|adjustments(\.0)?|files|files\..*|wall_seconds",
}
CHECKED_ELSEWHERE = {"schema_version", "sha256", "fund"}  # the fund: its probabilities are those of a table
DIGEST_OR_TIME = re.compile("[0-9a-f]{64}|[0-9T:+-]{25}")


def keys(value, place=()):
    """The places in a document that are read, the innermost first; of rows and of parameters, the first."""
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, inner in inside:
        if key not in ("tiers", "figures", "population"):
            yield from keys(inner, (*place, key))
            yield (*place, key)


def holder(document, place):
    """What has the last key of a place in it."""
    for key in place[:-1]:
        document = document[key]
    return document


def missing(document, place):
    del holder(document, place)[place[-1]]


def of_another_type(document, place):
    inside = holder(document, place)
    inside[place[-1]] = "x" if isinstance(inside[place[-1]], list | dict) else []


def out_of_range(document, place):
    """A number no amount, count or share may be; a digest or a time that is none. Other text has no range."""
    inside = holder(document, place)
    value = inside[place[-1]]
    if isinstance(value, str) and DIGEST_OR_TIME.fullmatch(value):
        inside[place[-1]] = value + "x"
    elif isinstance(value, int | float):
        inside[place[-1]] = -1 if isinstance(value, int) else float("-inf")


@pytest.mark.parametrize("change", [missing, of_another_type, out_of_range])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_key_of_another_shape_is_named_or_is_not_read(name, change, trusted):
    """Each key alone is refused by its name, if it is read; all others at once change, and the run is shown."""
    good = documents.read_json(trusted / name)
    free = LEFT_ALONE[name] + ("|" + OPTIONAL[name] if change is missing else "")
    every, refusals = copy.deepcopy(good), 0
    for place in keys(good):
        bad = copy.deepcopy(good)
        change(bad, place)
        if bad == good:
            continue
        if re.fullmatch(free, ".".join(map(str, place))):
            CHECKS[name](bad, name)
            change(every, place)
            continue
        with pytest.raises(InputError) as caught:
            CHECKS[name](bad, name)
        assert name in str(caught.value)
        assert next(key for key in reversed(place) if isinstance(key, str)) in str(caught.value)
        refusals += 1
    assert refusals > 2
    assert every != good
    for key in CHECKED_ELSEWHERE & set(good):
        every[key] = good[key]
    (trusted / name).write_bytes(serialize.encode(every))
    answers_of(stress.open_run(trusted))


CELLS = ("", "nan", "-inf", "-1", "abc", "1e308", "2.5", "99999999999999999999999")
FREE_TEXT = dict.fromkeys(PACKED + LABELLED, ("account", "market", "note")) | {
    "gaps.csv": ("design", "quantity", "unit", "note")
}


@pytest.mark.parametrize("name", [*PACKED, *LABELLED])
def test_a_table_of_other_values_is_named_or_read(name, trusted):
    file = trusted / "tables" / name
    packed = name.endswith(".gz")
    good = file.read_bytes()
    table = pd.read_csv(io.BytesIO(gzip.decompress(good) if packed else good), dtype=str, keep_default_na=False)

    def attempt(changed, show=True) -> bool:
        text = changed if isinstance(changed, str) else changed.to_csv(index=False)
        file.write_bytes(gzip.compress(text.encode(), 1) if packed else text.encode())
        try:
            record = stress.open_run(trusted)
        except InputError as error:
            if str(file) not in str(error):
                raise
            return False
        if show:
            answers_of(record)
        return True

    text = table.to_csv(index=False)
    assert attempt(text)
    opened = {value: table.copy() for value in CELLS}
    for column in table.columns:
        refusals = 0
        for number, value in enumerate(CELLS):
            rows = table.index if number % 2 else table.index[:1]
            changed = table.copy()
            changed.loc[rows, column] = value
            if attempt(changed, show=False):
                opened[value].loc[rows, column] = value
            else:
                refusals += 1
        assert (refusals == 0) == (column in FREE_TEXT[name]), column
        assert not attempt(table.drop(columns=column))
    assert not attempt(table.rename(columns={table.columns[-1]: "other"}))
    for changed in opened.values():  # the value in every column that may hold it
        assert attempt(changed)
    header, _, rows = text.partition("\n")
    more = rows.replace("\n", ",1\n")
    wrong = [
        table.iloc[:0],
        header,
        f"{header}\n{more}",
        text + '"',
        text.replace("0", "\0", 3),
        "",
        "\0",
        f"{header},x",
    ]
    wrong += [pd.concat([table, table])] if packed or name == "required_fund.csv" else []
    wrong += [table.iloc[:-1], table.iloc[::-1]] if packed else []
    assert [number for number, changed in enumerate(wrong) if attempt(changed)] == []


def test_a_number_that_is_text_is_shown_with_its_place(trusted):
    file = trusted / "tables" / "gaps.csv"
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    table.loc[2, "estimate"] = "much"
    table.to_csv(file, index=False)
    assert "gaps.csv, estimate: got 'much', expected a number" in refused(trusted, "tables/gaps.csv")


def test_indices_out_of_range_and_tables_of_other_lengths(trusted):
    file = trusted / "tables" / "cells.npz"
    with np.load(file) as arrays:
        good = dict(arrays)
    wrong = [("path", 40), ("path", -1), ("cell", 10_000), ("cell", -1), ("adl", np.nan), ("adl", np.inf)]
    for name, value in wrong:
        bad = good[name].copy()
        bad[-1] = value
        np.savez_compressed(file, **(good | {name: bad}))
        said = refused(trusted, "tables/cells.npz", f"{name}: got")
        assert f"row {bad.size + 1}" in said
    for bad in ({name: a for name, a in good.items() if name != "adl"}, good | {"more": good["adl"]},
                good | {"adl": good["adl"][1:]}, good | {"adl": good["adl"].reshape(-1, 1)},
                good | {"path": good["path"].astype(float)}, good | {"adl": good["adl"].astype("U4")}, {}):  # fmt: skip
        np.savez_compressed(file, **bad)
        refused(trusted, "tables/cells.npz")
    np.savez_compressed(file, **good)
    file = trusted / "tables" / "fund_at.npz"
    for bad in (
        np.zeros((40, 24)),
        np.zeros((39, 25)),
        np.zeros((40, 25), int),
        np.full((40, 25), np.nan),
        np.array(1),
    ):
        np.savez_compressed(file, fund_at=bad)
        refused(trusted, "tables/fund_at.npz", r"an array fund_at, float64\[40, 25\]")


def npy(shape, descr: str = "<f8", data: bytes = b"") -> bytes:
    stream = io.BytesIO()
    about = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, about)
    return stream.getvalue() + data


def npz(file: Path, content: bytes, name: str = "fund_at.npy", **options) -> None:
    with zipfile.ZipFile(file, "w", options.get("how", zipfile.ZIP_DEFLATED)) as archive:
        archive.writestr(name, content)


class Danger:
    """Unpickled, it would make a file."""

    def __reduce__(self):
        return (Path("unpickled").touch, ())


def test_arrays_that_would_run_code_or_fill_the_memory(trusted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = trusted / "tables" / "fund_at.npz"
    objects = io.BytesIO()
    np.lib.format.write_array(objects, np.array([Danger()], dtype=object), allow_pickle=True)
    contents = {
        "objects": objects.getvalue(), "a pickle": pickle.dumps(Danger()), "shape": npy((2**40,)),
        "more shape": npy((2**62, 2**62)), "negative": npy((-1,)), "no size": npy((10,), "|V0"),
        "deep": b"\x93NUMPY\x01\x00\x00\x20" + b"(" * 0x2000, "version": b"\x93NUMPY\x09\x00" + bytes(100),
    }  # fmt: skip
    for content in contents.values():
        npz(file, content)
        refused(trusted, "tables/fund_at.npz", "arrays of numbers, as numpy writes them")
    npz(file, npy((2,), data=bytes(17)))
    refused(trusted, "tables/fund_at.npz", "nothing after it")
    npz(file, b"", how=zipfile.ZIP_LZMA)
    refused(trusted, "tables/fund_at.npz", "packed by deflate")
    npz(file, bytes(2**28 + 1))
    assert file.stat().st_size < 2**20
    refused(trusted, "tables/fund_at.npz", "at most 256 MiB unpacked")
    small = file.read_bytes()
    for declared in (100, 0):  # the size that is declared is not what is unpacked
        file.write_bytes(small.replace((2**28 + 1).to_bytes(4, "little"), declared.to_bytes(4, "little")))
        refused(trusted, "tables/fund_at.npz")
    file = trusted / "tables" / "paths.csv.gz"
    file.write_bytes(gzip.compress(bytes(2**28 + 1), 1))
    refused(trusted, "tables/paths.csv.gz", "at most 256 MiB unpacked")
    assert not (tmp_path / "unpickled").exists()


COMMANDS = (
    ("report", "run"), ("path", "run", "0"), ("compare", "run", "other"), ("size", "tiny.toml", "--since", "run"),
    ("run", "tiny.toml", "--out", "run"),
)  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_every_command_names_the_file_and_ends_with_2(arguments, directory, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(TINY)
    shutil.copytree(directory, tmp_path / "other")
    name = "config.json" if arguments[0] != "run" else "manifest.json"
    (directory / name).write_text("[1, 2]")
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 2
    assert f"Error: {Path('run') / name}: expected" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == before


SECRET = 'password = hunter2 "'


@pytest.mark.parametrize("key", ["venue.file", "book.file", "prices.bars"])
def test_what_another_file_holds_reaches_no_message(key, tmp_path):
    """A run directory of somebody else names a file of this machine."""
    directory = stress.save_run(stress.run(write_replay(tmp_path)), tmp_path / "run")
    (tmp_path / "secret.toml").write_text(SECRET)
    section, name = key.split(".")
    rewrite(directory / "scenario.json", lambda scenario: scenario[section].update({name: "../secret.toml"}))
    guess = {"path": "../secret.toml", "sha256": "0" * 64}
    for known in (False, True):
        manifest = json.loads((directory / "manifest.json").read_text())
        manifest["inputs"].pop(key, None)
        manifest["inputs"] |= {key: guess} if known else {}
        manifest["files"]["scenario.json"] = hashlib.sha256((directory / "scenario.json").read_bytes()).hexdigest()
        del manifest["sha256"]
        (directory / "manifest.json").write_bytes(sealed.seal(manifest))
        record = stress.open_run(directory)
        expected = "the file as it was when it was run" if known else "a file whose digest was kept"
        with pytest.raises(InputError, match=f"{key}: got .*secret.* expected {expected}") as caught:
            record.result.replay_path(0)
        assert "hunter2" not in str(caught.value)


def test_what_was_damaged_is_compared_with_nothing(trusted, record):
    """Results of two directories are compared only where they saw the same market, whatever a config says."""
    rewrite(trusted / "config.json", lambda config: config["prices"].update(s0=1.0))
    with pytest.raises(InputError, match="the same prices"):
        comparison.compare({"a": record.result, "b": stress.open_run(trusted).result})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
@pytest.mark.parametrize("name", ["manifest.json", "config.json", "tables/gaps.csv", "tables/by_leverage.csv"])
def test_a_pipe_in_a_run_directory_is_refused_and_not_waited_for(directory, name):
    (directory / name).unlink()
    os.mkfifo(directory / name)
    with pytest.raises(InputError, match=Path(name).name):
        stress.open_run(directory)


@pytest.mark.parametrize("name", ["summary.json", "tables/by_leverage.csv", "tables/summary.csv"])
def test_a_file_that_people_read_is_compared_too(directory, name):
    with open(directory / name, "a") as file:
        file.write(" ")
    with pytest.raises(InputError, match="it is damaged, or was changed"):
        stress.open_run(directory)
