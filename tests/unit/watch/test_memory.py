"""What the last round knew, on disk."""

import os
import stat

import pytest

from inguestlib.watch import memory
from inguestlib.watch.verdicts import Known

pytestmark = pytest.mark.unit

ROW = Known("drift", "unknown", "sha256:x", "high")


def sample():
    families = {"dns": {"marks": {"file": {"/a": [1]}}, "known": {"c": {"r": ROW}}}}
    return {"root": "/", "families": families}


def test_it_comes_back_as_it_was(tmp_path):
    folder = str(tmp_path / "inguest")
    memory.save(folder, sample())
    assert memory.load(folder)["families"]["dns"]["known"]["c"]["r"] == ROW
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(f"{folder}/watch.json").st_mode) == 0o600
    assert os.listdir(folder) == ["watch.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"v": 1}', '{"v": 99, "families": {}}', "null"])
def test_a_memory_that_is_none_is_forgotten(tmp_path, text):
    (tmp_path / "watch.json").write_text(text)
    assert memory.load(str(tmp_path)) is None


def test_one_round_at_a_time(tmp_path):
    held = memory.lock(str(tmp_path))
    assert memory.lock(str(tmp_path)) is None
    os.close(held)
    again = memory.lock(str(tmp_path))
    assert again is not None
    os.close(again)


def test_a_failure_is_remembered_until_all_goes_well(tmp_path):
    folder = str(tmp_path)
    assert memory.failed(folder) == ""
    memory.note_failure(folder, "no policy")
    assert memory.failed(folder) == "no policy"
    memory.note_failure(folder, "")
    assert memory.failed(folder) == ""
