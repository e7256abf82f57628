"""docs/attacks.md is what its script makes: the parts of it that take no time are made again."""

from pathlib import Path

from tests.support.scripts import load_script

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8")


def test_the_page_is_made_by_its_script():
    script = load_script(ROOT / "docs" / "make_attacks.py")
    assert PAGE.startswith(script.INTRO.strip())
    for part in script.incidents():
        assert part in PAGE
    for kind in script.KINDS:
        assert script._title(kind) in PAGE
    assert script.section("pull") in PAGE
