"""Compiled code is kept where nobody but this user can write."""

from __future__ import annotations

import os
import stat
import tempfile

import pytest

from stress.kernels import cache_folder

pytestmark = pytest.mark.nojit

NAME = "kernels-0123456789abcdef"
STRANGER = 54_321
unix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners here")


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The three folders that are tried, none of which is there yet."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("STRESS_CACHE_DIR", str(tmp_path / "chosen"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    user = f"perp-stress-{os.geteuid()}" if hasattr(os, "geteuid") else "perp-stress"
    return tmp_path / "chosen", tmp_path / "cache" / "perp-stress", tmp_path / "temporary" / user


def find():
    return cache_folder.find("0123456789abcdef")


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def give_away(path) -> None:
    """The folder belongs to somebody else from now on."""
    if os.geteuid():
        pytest.skip("only root can give a file away")
    os.chown(path, STRANGER, -1, follow_symlinks=False)


def test_the_first_of_three_folders_is_taken(places, monkeypatch):
    chosen, home, temporary = places
    assert find() == (chosen / NAME, [])
    monkeypatch.delenv("STRESS_CACHE_DIR")
    assert find() == (home / NAME, [])
    home.parent.rename(home.parent.with_name("away"))
    home.parent.write_text("a file")
    folder, refused = find()
    assert folder == temporary / NAME
    assert len(refused) == 1
    assert refused[0].startswith(f"{home}: ")


def test_no_folder_at_all_means_no_cache_and_says_why(places, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    for name in ("STRESS_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(file))
    monkeypatch.setattr(tempfile, "tempdir", str(file))
    folder, refused = find()
    assert folder is None
    assert len(refused) == 3

    def none():
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    assert len(find()[1]) == 2


def test_nothing_is_kept_in_the_working_folder_of_a_user_without_a_home(places, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STRESS_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the standard
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert find() == (places[2] / NAME, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["temporary"]


@unix
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022])
def test_it_is_closed_to_others_whatever_the_umask(places, umask, monkeypatch):
    before = os.umask(umask)
    try:
        assert find() == (places[0] / NAME, [])
        monkeypatch.delenv("STRESS_CACHE_DIR")
        assert find() == (places[1] / NAME, [])
    finally:
        os.umask(before)
    assert [mode(path) for path in (places[0], places[0] / NAME, places[1], places[1] / NAME)] == [0o700] * 4


@unix
@pytest.mark.parametrize("loose", [0o770, 0o777, 0o702])
def test_what_others_could_have_put_there_is_not_used(places, tmp_path, loose):
    folder = places[0] / NAME
    (folder / "deep").mkdir(parents=True)
    for name in ("planted.code", "deep/planted.code"):
        (folder / name).write_bytes(b"planted")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("not in the cache")
    (folder / "link").symlink_to(tmp_path / "kept")
    folder.chmod(loose)
    assert find() == (folder, [])
    assert mode(folder) == 0o700
    assert list(folder.iterdir()) == []
    assert (tmp_path / "kept" / "file").exists()
    (folder / "own.code").write_bytes(b"compiled here")
    assert find() == (folder, [])
    assert (folder / "own.code").exists()


@unix
def test_our_own_folder_is_closed_and_the_chosen_one_left_as_it_is(places, monkeypatch):
    """An older version left the first as the umask had it; the second may hold more than this cache."""
    for path in places[:2]:
        path.mkdir(parents=True)
        path.chmod(0o775)
    assert find() == (places[0] / NAME, [])
    monkeypatch.delenv("STRESS_CACHE_DIR")
    assert find() == (places[1] / NAME, [])
    assert [mode(path) for path in places[:2]] == [0o775, 0o700]


@unix
def test_the_chosen_folder_may_be_of_anybody(places):
    """As a container has it that root runs, with a folder of another user in it: what is in it is of this user."""
    places[0].mkdir(parents=True)
    give_away(places[0])
    assert find() == (places[0] / NAME, [])


@unix
def test_a_disk_that_keeps_no_rights_loses_nothing_and_is_refused(places, monkeypatch):
    folder = places[0] / NAME
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    (folder / "kept").touch()
    with monkeypatch.context() as patch:
        patch.setattr(type(folder), "chmod", lambda path, mode: None)
        found, refused = find()
    assert found == places[1] / NAME
    assert "does not keep rights" in refused[0]
    assert (folder / "kept").exists()


@unix
@pytest.mark.parametrize("inside", [NAME])
def test_a_folder_of_somebody_else_is_refused(places, inside):
    planted = places[0] / inside
    planted.mkdir(parents=True)
    planted.chmod(0o777)
    give_away(planted)
    folder, refused = find()
    assert folder == places[1] / NAME
    assert refused == [f"{planted}: it belongs to user {STRANGER} and not to user {os.geteuid()}, who runs this"]


@unix
def test_a_folder_that_was_planted_in_the_temporary_directory_is_refused(places, tmp_path, monkeypatch):
    monkeypatch.delenv("STRESS_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    (places[2] / NAME).mkdir(parents=True)
    give_away(places[2])
    assert find()[0] is None
    places[2].rename(tmp_path / "elsewhere")
    (tmp_path / "mine").mkdir()
    places[2].symlink_to(tmp_path / "mine")  # leads to a folder of ours, but is another's to turn
    give_away(places[2])
    assert find()[0] is None


@unix
def test_links_of_our_own_lead_to_another_disk_but_not_to_the_code(places, tmp_path):
    (tmp_path / "disk").mkdir(mode=0o755)
    places[0].symlink_to(tmp_path / "disk")
    assert find() == (places[0] / NAME, [])
    (places[0] / NAME).rename(tmp_path / "code")
    (places[0] / NAME).symlink_to(tmp_path / "code")
    folder, refused = find()
    assert folder == places[1] / NAME
    assert refused == [f"{places[0] / NAME}: no directory, but a link or a file"]


@unix
def test_a_file_is_private_if_it_is_ours_and_nobody_else_may_write(tmp_path):
    path = tmp_path / "file"
    path.touch()
    for loose, private in ((0o600, True), (0o644, True), (0o620, False), (0o602, False)):
        path.chmod(loose)
        assert cache_folder.is_private(path.stat()) is private
    path.chmod(0o600)
    give_away(path)
    assert not cache_folder.is_private(path.stat())


def test_where_files_have_no_owners_folders_are_taken_as_they_are(places, monkeypatch):
    monkeypatch.delattr(os, "geteuid", raising=False)
    (places[0] / NAME).mkdir(parents=True)
    (places[0] / NAME).chmod(0o777)
    (places[0] / NAME / "own.code").write_bytes(b"")
    assert find() == (places[0] / NAME, [])
    assert (places[0] / NAME / "own.code").exists()
    assert cache_folder.is_private((places[0] / NAME).stat())
