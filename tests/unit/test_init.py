"""Old code never runs beside new code: `refresh`, `stale` and `check`, on a copy of the package."""

import importlib
import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

import inguestlib

SOURCE = Path(inguestlib.__file__)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `probelib` that has the library's own `__init__.py` and two more modules."""
    home = tmp_path / "probelib"
    (home / "inner").mkdir(parents=True)
    shutil.copyfile(SOURCE, home / "__init__.py")
    (home / "word.py").write_text("WORD = 'old'\n")
    (home / "inner" / "__init__.py").write_text("WORD = 'old inner'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield home
    for name in [n for n in sys.modules if n == "probelib" or n.startswith("probelib.")]:
        del sys.modules[name]


def load():
    return importlib.import_module("probelib")


def word(module="word"):
    return importlib.import_module(f"probelib.{module}").WORD


def test_unchanged_library_is_kept(package):
    library = load()
    assert word() == "old"
    module = sys.modules["probelib.word"]
    assert not library.stale()
    assert library.refresh() is library
    assert sys.modules["probelib.word"] is module


def test_changed_submodule_is_imported_anew(package):
    library = load()
    assert word() == "old"
    (package / "word.py").write_text("WORD = 'newer'\n")
    assert library.stale()
    assert word() == "old", "without a refresh Python keeps the old code"
    fresh = library.refresh()
    assert fresh is not library
    assert fresh is sys.modules["probelib"]
    assert word() == "newer"
    assert not fresh.stale()


def test_change_in_a_package_below(package):
    library = load()
    assert word("inner") == "old inner"
    (package / "inner" / "__init__.py").write_text("WORD = 'new inner'\n")
    library.refresh()
    assert word("inner") == "new inner"


def test_same_size_within_the_same_second(package):
    """Bytecode knows whole seconds: the old one must not answer for the new source."""
    os.utime(package / "word.py", ns=(10**18, 10**18))
    library = load()
    assert word() == "old"
    (package / "word.py").write_text("WORD = 'NEW'\n")
    os.utime(package / "word.py", ns=(10**18 + 1, 10**18 + 1))
    library.refresh()
    assert word() == "NEW"


def test_new_and_removed_files(package):
    library = load()
    (package / "later.py").write_text("WORD = 'later'\n")
    library = library.refresh()
    assert word("later") == "later"
    (package / "later.py").unlink()
    library = library.refresh()
    with pytest.raises(ModuleNotFoundError):
        word("later")


def test_found_again_although_the_path_is_gone(package, monkeypatch):
    """Salt takes the folder off `sys.path` after each load."""
    library = load()
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(package.parent)])
    before = list(sys.path)
    (package / "word.py").write_text("WORD = 'newer'\n")
    assert library.refresh() is not library
    assert word() == "newer"
    assert sys.path == before


def test_own_folder_wins_over_another_copy(package, tmp_path, monkeypatch):
    library = load()
    other = tmp_path / "elsewhere"
    shutil.copytree(package, other / "probelib")
    monkeypatch.syspath_prepend(str(other))
    (package / "word.py").write_text("WORD = 'newer'\n")
    assert Path(library.refresh().__file__).parent == package


def test_folder_gone_then_found_elsewhere(package, tmp_path, monkeypatch):
    library = load()
    other = tmp_path / "elsewhere"
    shutil.move(package, other / "probelib")
    assert library.stale()
    monkeypatch.syspath_prepend(str(other))
    assert Path(library.refresh().__file__).parent == other / "probelib"


def test_folder_gone_for_good(package):
    library = load()
    shutil.rmtree(package)
    with pytest.raises(ModuleNotFoundError):
        library.refresh()


def test_broken_new_code_is_never_answered_by_old(package):
    library = load()
    (package / "__init__.py").write_text("def (:\n")
    with pytest.raises(SyntaxError):
        library.refresh()
    with pytest.raises(SyntaxError):
        load()
    shutil.copyfile(SOURCE, package / "__init__.py")
    importlib.invalidate_caches()
    assert not load().stale()


def test_old_handle_leads_to_the_new_library(package):
    old = load()
    (package / "word.py").write_text("WORD = 'newer'\n")
    new = old.refresh()
    assert old.refresh() is new
    assert old.stale() and not new.stale()


def test_threads_agree_on_one_library(package):
    old = load()
    (package / "word.py").write_text("import time\ntime.sleep(0.01)\nWORD = 'newer'\n")
    barrier = threading.Barrier(8)
    got = []

    def work():
        barrier.wait()
        library = old.refresh()
        got.append((id(library), word()))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(got) == 8
    assert len(set(got)) == 1 and got[0][1] == "newer"


def test_wrapper_that_changed_after_its_check(package, tmp_path):
    """The engine that was started anew between a sync's library and its wrappers."""
    library = load()
    wrapper = tmp_path / "engine.py"
    wrapper.write_text("old")
    library.check(str(wrapper), library.INTERFACE)
    assert not library.stale(str(wrapper))
    wrapper.write_text("newer")
    assert library.stale(str(wrapper)) and not library.stale()
    library.check(str(wrapper), library.INTERFACE)  # loaded again
    assert not library.stale(str(wrapper))
    wrapper.unlink()
    assert library.stale(str(wrapper))


def test_old_code_says_so_once_for_each_load(package, tmp_path, caplog):
    library = load()
    wrapper = tmp_path / "runner.py"
    wrapper.write_text("old")
    library.check(str(wrapper), library.INTERFACE)
    library.warn_if_stale(str(wrapper))
    assert not caplog.records
    (package / "word.py").write_text("WORD = 'newer'\n")
    library.warn_if_stale(str(wrapper))
    library.warn_if_stale(str(wrapper))
    (said,) = caplog.records
    assert said.levelname == "WARNING" and str(wrapper) in said.getMessage()
    library.check(str(wrapper), library.INTERFACE)  # loaded again, though on the old library
    library.warn_if_stale(str(wrapper))
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("wrapper", "home"),
    [
        ("extmods/modules/inguest.py", "extmods/utils/inguestlib"),
        ("tree/_runners/inguest.py", "tree/_utils/inguestlib"),
        ("site/inguestlib/states/inguest.py", "site/inguestlib"),
    ],
)
def test_wrapper_and_library_of_one_origin(tmp_path, monkeypatch, wrapper, home):
    here = tmp_path / home
    here.mkdir(parents=True)
    (here / "__init__.py").touch()
    monkeypatch.setattr(inguestlib, "_HOME", str(here))
    assert inguestlib.check(str(tmp_path / wrapper), inguestlib.INTERFACE) == ""


def test_synced_wrapper_on_installed_library(tmp_path):
    here = tmp_path / "extmods/utils/inguestlib"
    here.mkdir(parents=True)
    (here / "__init__.py").touch()
    reason = inguestlib.check(str(tmp_path / "extmods/modules/inguest.py"), inguestlib.INTERFACE)
    assert "both synced and installed" in reason
    assert str(here) in reason and str(SOURCE.parent) in reason


def test_installed_wrapper_on_synced_library(tmp_path):
    wrapper = tmp_path / "site/inguestlib/modules/inguest.py"
    assert "both synced and installed" in inguestlib.check(str(wrapper), inguestlib.INTERFACE)


def test_wrapper_alone_takes_any_library(tmp_path):
    """So salt-ssh brings it: the wrapper in its extmods, the library in the thin's own folder."""
    assert inguestlib.check(str(tmp_path / "modules/inguest.py"), inguestlib.INTERFACE) == ""


def test_wrapper_of_another_interface(tmp_path):
    reason = inguestlib.check(str(tmp_path / "modules/inguest.py"), inguestlib.INTERFACE + 1)
    assert "partial" in reason and "sync_all" in reason
