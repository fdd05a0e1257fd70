"""The revision of a checkout, read from git's own files."""

import subprocess

import pytest

from inguestlib.reporting import revision

pytestmark = pytest.mark.unit


def _git(folder, *words):
    identity = ("-c", "user.name=a", "-c", "user.email=a@corp.example")
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "states"
    folder.mkdir()
    _git(folder, "init", "-q", "-b", "main")
    _git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def _head(folder):
    return _git(folder, "rev-parse", "HEAD")


def test_a_branch(checkout):
    assert revision.of_checkout(str(checkout)) == _head(checkout)


def test_a_folder_below(checkout):
    (checkout / "states/inguest").mkdir(parents=True)
    assert revision.of_checkout(str(checkout / "states/inguest")) == _head(checkout)


def test_packed(checkout):
    _git(checkout, "pack-refs", "--all")
    assert revision.of_checkout(str(checkout)) == _head(checkout)


def test_detached(checkout):
    _git(checkout, "checkout", "-q", "--detach")
    assert revision.of_checkout(str(checkout)) == _head(checkout)


def test_a_worktree(checkout, tmp_path):
    _git(checkout, "worktree", "add", "-q", str(tmp_path / "other"), "-b", "other")
    _git(tmp_path / "other", "commit", "-q", "--allow-empty", "-m", "second")
    assert revision.of_checkout(str(tmp_path / "other")) == _head(tmp_path / "other")
    assert _head(checkout) != _head(tmp_path / "other")


@pytest.mark.parametrize("head", ["", "ref: ../../secret", "ref: refs/heads/../../../x", "zzz"])
def test_what_is_no_revision_is_none(checkout, head):
    (checkout / ".git/HEAD").write_text(head)
    assert revision.of_checkout(str(checkout)) is None


def test_no_checkout(tmp_path):
    assert revision.of_checkout(str(tmp_path)) is None


def test_the_pillar_comes_first(checkout):
    opts = {"file_client": "local", "file_roots": {"base": ["/nowhere", str(checkout)]}}
    assert revision.known({"revision": "abc"}, opts) == "abc"
    assert revision.known(None, opts) == _head(checkout)
    assert revision.known({}, {**opts, "saltenv": "dev"}) is None
    assert revision.known({}, {**opts, "file_client": "remote"}) is None
