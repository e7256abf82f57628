"""What reaches the screen: any encoding, a reader that leaves, and names that are commands to a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from stress import serialize
from stress.cli import main
from stress.errors import Problem
from stress.files.names import is_plain
from stress.formatting import visible
from tests.support.tiny import TINY

SIZE = ["size", "tiny.toml", "--alpha", "0.2"]
COMMAND = "import sys; from stress.cli import main; main(sys.argv[1:])"
HOSTILE = "\x1b]0;owned\x07 \x9b31m\u202e$\\frac$ <b>\nError: none"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, **options) -> subprocess.CompletedProcess:
    environment = os.environ | options.pop("environment", {})
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], env=environment, stderr=subprocess.PIPE, check=False, **options
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_letters_that_an_encoding_lacks_become_plain(folder, encoding):
    found = run(*SIZE, environment={"PYTHONIOENCODING": encoding}, stdout=subprocess.PIPE)
    assert found.returncode == 0
    out = found.stdout.decode(encoding)
    assert "Binance USDS-M" in out
    assert ("USD 86.2 k" in out) == (encoding == "ascii")


@pytest.mark.parametrize("arguments", [["--help"], ["venues"], ["check", "tiny.toml"], [*SIZE, "--limit", "1e12"]])
def test_a_reader_that_left_is_no_broken_limit(folder, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        found = run(*arguments, stdout=writer)
    finally:
        os.close(writer)
    assert found.returncode == 141
    assert b"Traceback" not in found.stderr
    assert b"Exception ignored" not in found.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
@pytest.mark.parametrize("arguments", [["--help"], ["venues"]])
def test_a_full_disk_behind_standard_output_is_one_line(folder, arguments):
    with open("/dev/full", "wb") as full:
        found = run(*arguments, stdout=full)
    assert found.returncode == 2
    assert found.stderr.startswith(b"Error: standard output")
    assert found.stderr.count(b"\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="a shell closes the stream")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_keep_the_exit_code(folder, closed):
    line = f'"{sys.executable}" -c "{COMMAND}" {" ".join(SIZE)} --limit 1 {closed}'
    assert subprocess.run(line, shell=True, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Ünïcode – 数", "Ünïcode – 数"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\r\t\x7f\x9b", "a\\nb\\r\\t\\x7f\\x9b"),
        ("\u202eabc\u2066\u2028\ufeff", "\\u202eabc\\u2066\\u2028\\ufeff"),
        ("\ud800", "\\ud800"),
    ],
)
def test_names_are_shown_and_command_nothing(text, shown):
    assert visible(text) == shown
    assert visible("a\nb", keep="\n") == "a\nb"
    problem = Problem(text, text, 1, text, text)
    assert visible(str(problem)) == str(problem)


def test_toml_of_any_text_is_printable_and_comes_back():
    text = "".join(map(chr, [*range(0x250), 0x2028, 0x202E, 0xFEFF, 0x1F600, 0xE0001]))
    written = serialize.to_toml({"a": text, text: {"b": [text]}})
    assert tomllib.loads(written) == {"a": text, text: {"b": [text]}}
    assert visible(written, keep="\n") == written


def test_hostile_names_pass_through_every_command(folder, capsys):
    """A venue, a market, accounts and notes of somebody else: all lines are our own, all pages are drawn.

    Files with control characters in names are refused, see `stress.files.names`; arguments of the command may have any.
    """
    name = "".join(filter(is_plain, HOSTILE))
    market = serialize.toml_value(name)
    Path("venue.toml").write_text(
        f"[venue]\nname = {market}\ntitle = {market}\nnotes = [{market}]\n[rules]\n[markets.{market}]\n"
        'deduction = "flat"\ntiers = [[0, inf, 50, 0.01]]\n',
        encoding="utf-8",
    )
    cell = '"' + name.replace('"', '""') + '"'
    Path("book.csv").write_text(
        f"account,market,side,size,entry_price,margin\n{cell},{cell},long,10,100,30\nb,{cell},short,10,100,300\n",
        encoding="utf-8",
    )
    tables = tomllib.loads(TINY)
    del tables["population"]
    tables["run"] |= {"paths": 20}
    tables["venue"] = {"file": "venue.toml", "market": name}
    tables["book"] = {"file": "book.csv"}
    tables["prices"] |= {"s0": 100.0, "sigma": 20.0}
    tables["fund"]["initial"] = 1.0
    for file, seed in (("a.toml", 1), ("b.toml", 2)):
        Path(file).write_text(serialize.to_toml(tables | {"name": "a", "seed": seed}), encoding="utf-8")
    calls = [
        ["check", "a.toml"], ["run", "a.toml", "--out", "out"], ["report", "out"], ["adl", "a.toml"],
        ["size", "a.toml"], *(["path", "out", str(i)] for i in range(5)), ["path", "out", "0", "--account", name],
        ["path", "out", "0", "--account", HOSTILE + "?"], ["compare", "a.toml", "b.toml"],
        ["size", "b.toml", "--since", "out"], ["venues", "show", "venue.toml", "--market", name],
        ["check", "a.toml", "--set", f"book.file={HOSTILE}"], ["check", "a.toml", "--set", f"venue.market={HOSTILE}?"],
        ["check", HOSTILE], ["run", "a.toml", "--out", "a.toml/" + HOSTILE],
    ]  # fmt: skip
    hits = 0
    for arguments in calls:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(arguments)
        shown = capsys.readouterr()
        assert end.value.code in (None, 0, 2), shown.err
        text = shown.out + shown.err
        assert visible(text, keep="\n") == text
        assert "\nError: none" not in text
        hits += "liquidation" in text
    assert hits


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="no such device here")
def test_a_table_on_standard_output_adds_to_what_is_there(folder):
    """`>> log` keeps the log: the file behind standard output is not replaced."""
    for mode in ("wb", "ab"):
        with open("log", mode) as log:
            if mode == "ab":
                log.write(b"before\n")
                log.flush()
            assert run("path", "tiny.toml", "0", "--out", "/dev/stdout", stdout=log).returncode == 0
    text = Path("log").read_text(encoding="utf-8")
    assert text.count("event,") == 2
    assert text.index("event,") < text.index("before\n") < text.rindex("event,")
    assert text.rstrip().endswith("events: /dev/stdout")


def test_notes_about_a_file_with_a_hostile_name(folder, capsys):
    name = "\x1b]0;owned\x07.csv"
    rows = [f"{4_000_000_000 + 60 * i},100,101,99,{100 + i % 3}" for i in range(400)]  # in the future
    Path(name).write_text("time,open,high,low,close\n" + "\n".join(rows))
    with pytest.raises(SystemExit):
        main(["calibrate", name])
    text = "".join(capsys.readouterr())
    assert "\\x1b]0;owned\\x07.csv" in text
    assert visible(text, keep="\n") == text


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
@pytest.mark.parametrize("arguments", [["size", "none.toml"], ["size"], ["nonsense"]])
@pytest.mark.parametrize("full", ["stdout", "stderr", "both"])
def test_an_error_that_cannot_be_printed_is_no_broken_limit(folder, arguments, full):
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with open("/dev/full", "wb") as device:
        streams |= dict.fromkeys(("stdout", "stderr") if full == "both" else (full,), device)
        found = subprocess.run([sys.executable, "-c", COMMAND, *arguments], check=False, **streams)
    assert found.returncode == 2


@pytest.mark.parametrize("arguments", [["size", "none.toml"], ["size"], ["nonsense"]])
def test_an_error_that_nobody_reads_is_no_broken_limit(folder, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    found = subprocess.run([sys.executable, "-c", COMMAND, *arguments], check=False, stderr=writer)
    os.close(writer)
    assert found.returncode in (2, 141)


def test_settings_in_the_working_folder_end_in_one_line_or_change_nothing(folder):
    Path(".numba_config.yaml").write_text("{{{{")
    found = run("size", "tiny.toml", stdout=subprocess.PIPE)
    assert found.returncode == 2
    assert found.stderr.decode().startswith("Error: .numba_config.yaml")
    Path(".numba_config.yaml").unlink()
    Path("matplotlibrc").write_text("text.usetex: True\n")
    assert run("run", "tiny.toml", "--out", "run", "-q", stdout=subprocess.PIPE).returncode == 0
