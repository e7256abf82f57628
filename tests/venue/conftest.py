"""What tests of venues and their files share."""

import json

import pytest


@pytest.fixture
def write(tmp_path):
    def to_file(content, name="tiers.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return to_file
