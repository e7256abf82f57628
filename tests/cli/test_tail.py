"""A tail in the commands: how paths were drawn, the tail that size draws by itself, and what studies say."""

from __future__ import annotations

import re

import pytest

import stress
from stress import report
from tests.support.tiny import TINY

TAIL = ("--paths", 330, "--set", "run.tail=0.01")


def test_run_says_how_its_paths_were_drawn_and_shows_their_strata(command, tmp_path, monkeypatch):
    code, out, _ = command("run", "tiny.toml", *TAIL, "--strata", "--no-report", "--out", "run")
    assert code == 0
    said = (
        r"330 paths in 11 cells, drawn by the rarity of their rarest event down to a probability of 0.01; weights at "
        r"most 1\.\d+\."
    )
    assert re.search(said, out)
    rows = out.partition("Strata of the paths")[2]
    assert rows.count("largest jump up") == rows.count("largest jump down") == 5
    assert rows.count("ordinary days") == 1
    table = (tmp_path / "run" / "tables" / "strata.csv").read_text().splitlines()
    assert table[0] == "stratum,coordinate,from,to,probability,paths,hits"
    assert len(table) == 12
    monkeypatch.setattr(report, "pictures", lambda *_: {})
    page = report.render(stress.open_run(tmp_path / "run"))
    folded = page.partition("How the paths were drawn")[2].partition("</section>")[0]
    assert re.search(said, folded)
    assert "<details>" in folded
    assert folded.count("largest jump up") == 5


def test_plain_runs_say_nothing_of_it(command, tmp_path):
    code, out, _ = command("run", "tiny.toml", "--strata", "--no-report", "--out", "run")
    assert code == 0
    assert "No strata: the paths are plain ones." in out
    assert "cells" not in out
    assert not (tmp_path / "run" / "tables" / "strata.csv").exists()


def test_size_draws_the_tail_of_a_probability_that_plain_paths_do_not_hold(command):
    code, out, err = command("size", "tiny.toml", "--alpha", 0.003, "--paths", 600)
    assert code == 0
    assert "A probability of 0.003 is 1.8 of 600 plain paths: the paths are drawn by their rarest event" in err
    assert "(run.tail = 0.003)" in err
    assert "600 paths in" in out
    code, out, err = command("size", "tiny.toml", "--alpha", 0.003, "--paths", 600, "--set", "run.tail=none")
    assert (code, "cells" in out, "plain paths" in err) == (0, False, False)
    code, out, err = command("size", "tiny.toml", "--alpha", 0.2, "--paths", 60)
    assert (code, "cells" in out, "plain paths" in err) == (0, False, False)


def test_size_says_why_there_is_no_tail(command, tmp_path):
    code, _, err = command("size", "tiny.toml", "--alpha", 0.003)
    assert (code, "A probability of 0.003 is 0.12 of 40 plain paths; a tail (run.tail) would take" in err) == (0, True)
    text = TINY.replace('"kou"', '"gbm"')
    for line in ("intensity = 3000.0", "p_up = 0.4", "eta_up = 30.0", "eta_down = 20.0"):
        text = text.replace(line + "\n", "")
    (tmp_path / "gbm.toml").write_text(text)
    code, _, err = command("size", "gbm.toml", "--alpha", 0.003)
    assert (code, "no tail can be drawn: gbm has no events" in err) == (0, True)


@pytest.mark.parametrize(
    "words",
    [
        ("sweep", "tiny.toml", "prices.intensity=1000,3000", *TAIL),  # other cells of rare events: no pairs
        ("tornado", "tiny.toml", "prices.intensity=1000..3000", "--only", *TAIL[2:], "--set", "run.paths=330"),
        (
            "solve",
            "tiny.toml",
            "--vary",
            "prices.intensity",
            "--until",
            "p_deficit <= 50 %",
            "--between",
            "1e3..3e3",
            *TAIL,
        ),
    ],
)
def test_studies_run_on_a_tail_and_do_not_grow(command, words):
    code, out, err = command(*words, "--set", "run.tolerance=0.1")
    assert (code, err) == (0, "")
    assert "no paths are added to reach run.tolerance" in out.replace("\n", " ")
