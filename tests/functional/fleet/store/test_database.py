"""A store that can't be opened says why, and what to do about it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from inguestlib.fleet import settings, store
from inguestlib.fleet.store import StoreError, StoreUnavailable
from support import need

LIBRARY = str(Path(store.__file__).parents[3])


def test_the_default_store_is_private_and_survives_its_commit(tmp_path):
    with store.open_store(settings.load({"cachedir": str(tmp_path)})) as kept:
        with kept.database.reading() as connection:
            for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
                assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
        home = tmp_path / "inguest"
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        for file in home.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_runner_of_root_leaves_the_store_to_the_user_of_the_master(tmp_path):
    need.root()
    os.chown(tmp_path, 65534, 65534)
    with store.open_store(settings.load({"cachedir": str(tmp_path)})):
        for path in (tmp_path / "inguest", *(tmp_path / "inguest").iterdir()):
            assert path.stat().st_uid == 65534, path


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("not a url", "not a URL"),
        ("mysql://root:hunter2@db/x", "mysql is not supported"),
        ("sqlite://", "needs a file"),
        ("postgresql+nothing://a:hunter2@db/x", "not a URL|nothing"),
    ],
)
def test_a_url_that_is_none_is_refused_and_no_password_shown(url, word):
    with pytest.raises(StoreError, match=word) as caught:
        store.open_store(url)
    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_not_there_is_unavailable_and_no_password_shown(tmp_path):
    with pytest.raises(StoreUnavailable) as caught:
        store.open_store(f"postgresql://a:hunter2@/x?host={tmp_path}")
    assert "hunter2" not in str(caught.value)
    assert "postgresql+psycopg://a:***@/x" in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path):
    file = tmp_path / "store.sqlite"
    file.write_text("this is a text, and not a database of anything at all" * 20)
    with pytest.raises(StoreError, match="not a database") as caught:
        store.open_store(f"sqlite:///{file}")
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("library", ["sqlalchemy", "alembic", "psycopg"])
def test_a_library_that_is_missing_is_named_with_its_cure(library, tmp_path):
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from inguestlib.fleet import store, settings\n"
        "try:\n    store.open_store(sys.argv[1])\n"
        "except store.StoreError as exc:\n    print(exc)\n"
    )
    url = "postgresql://a@/b" if library == "psycopg" else f"sqlite:///{tmp_path}/x.sqlite"
    run = [sys.executable, "-c", code, url]
    done = subprocess.run(
        run, env={"PYTHONPATH": LIBRARY}, capture_output=True, text=True, check=False
    )
    assert library in done.stdout, done.stderr
    assert "pip install 'saltext.inguest[master]'" in done.stdout


def test_the_rest_of_the_master_works_without_the_libraries():
    code = (
        "import sys\n"
        "for name in ('sqlalchemy', 'alembic', 'psycopg'): sys.modules[name] = None\n"
        "import inguestlib.fleet.settings, inguestlib.fleet.store, inguestlib.fleet.store.rows\n"
        "import inguestlib.fleet.store.intervals, inguestlib.fleet.answers, inguestlib.fleet.clones"
    )
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": LIBRARY}, check=True)
