"""What the command prints of figures at two caps of the jump size."""

from __future__ import annotations

import pytest

from stress.analysis import caps
from tests.support.tiny import CAPPED, TINY


@pytest.fixture
def capped(tmp_path, command):
    (tmp_path / "capped.toml").write_text(CAPPED)
    return command


def section(out):
    """From the title of the table on."""
    return out[out.index(caps.TITLE) :].splitlines()


@pytest.mark.parametrize("how", [("size",), ("run", "--no-report", "--out", "run")], ids=["size", "run"])
def test_the_table_and_what_hangs_on_the_cap(capped, how):
    code, out, _ = capped(how[0], "capped.toml", *how[1:])
    assert code == 0
    lines = section(out)
    words = [" ".join(line.split()) for line in lines]
    assert words[2] == "as assumed 1.5 times as large the cap"
    assert words[4:6] == [
        "largest jump down, log price 0.12 (11.3 %) 0.18 (16.5 %)",
        "largest jump up, log price 0.12 (12.7 %) 0.18 (19.7 %)",
    ]
    rows = {line.rsplit(" USD", 2)[0]: line for line in words if line.startswith("fund for")}
    assert rows["fund for 2 %"].endswith("does not decide")
    assert rows["fund for 0.1 %"].endswith(" decides")
    assert not rows["fund for 0.1 %"].endswith("not decides")
    assert any(line.startswith("With caps 1.5 times as large, the fund for 0.1 % (USD ") for line in words)
    assert max(map(len, lines[: lines.index("", 3)])) <= 100


def test_nothing_of_it_where_nothing_is_run_again(capped, tmp_path, monkeypatch):
    def refuse(*given, **options):
        raise AssertionError("run again")

    monkeypatch.setattr(caps, "at_two_caps", refuse)
    (tmp_path / "tiny.toml").write_text(TINY)
    for arguments in (
        ("size", "tiny.toml"),  # no tail
        ("adl", "capped.toml"),  # of who is hit alone
        ("size", "capped.toml", "--quiet"),  # of the funds alone
    ):
        code, out, _ = capped(*arguments)
        assert code == 0
        assert caps.TITLE not in out
