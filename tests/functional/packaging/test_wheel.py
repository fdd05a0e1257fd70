"""The wheel holds every file that Salt would sync, and what it says about itself is true."""

import configparser
import email
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import inguestlib
from inguestlib import loader

pytestmark = pytest.mark.functional

ROOT = Path(__file__).parents[3]
FOLDERS = {"_utils/inguestlib": "inguestlib"} | {f"_{k}": f"inguestlib/{k}" for k in loader.KINDS}
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the tree, for a build leaves folders beside its sources."""
    copy = tmp_path_factory.mktemp("tree")
    keep = ("_*", "states", "pillar", "requirements", "setup.*", "pyproject.toml", "LICENSE")
    for source in (path for pattern in keep for path in ROOT.glob(pattern)):
        if source.is_dir():
            shutil.copytree(source, copy / source.name, ignore=IGNORED)
        else:
            shutil.copyfile(source, copy / source.name)
    return copy


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    """The opened wheel."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*build, "-w", out, tree], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_every_module_is_in_it(tree, wheel):
    expected = {
        f"{inside}/{path.relative_to(tree / folder)}": path
        for folder, inside in FOLDERS.items()
        for path in (tree / folder).rglob("*.py")
    }
    assert len(expected) > 30
    names = set(wheel.namelist())
    assert not set(expected) - names, "in the tree and not in the wheel"
    modules = {name for name in names if name.endswith(".py")}
    assert not modules - set(expected), "in the wheel and not in the tree"
    differing = [name for name, path in expected.items() if wheel.read(name) != path.read_bytes()]
    assert not differing


def test_states_and_policy_are_in_it(tree, wheel):
    names = set(wheel.namelist())
    for folder in ("states", "pillar"):
        for path in (tree / folder).rglob("*.*"):
            assert f"inguestlib/share/{path.relative_to(tree)}" in names


def test_every_folder_of_the_library_is_a_package():
    """Python would find it without, the build would not."""
    folders = {path.parent for path in (ROOT / "_utils/inguestlib").rglob("*.py")}
    assert not [folder for folder in folders if not (folder / "__init__.py").is_file()]


def test_entry_point_and_metadata(wheel):
    (entry,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    points = configparser.ConfigParser()
    points.read_string(wheel.read(entry).decode())
    assert dict(points["salt.loader"]) == {"inguest": "inguestlib.loader:directories"}
    (meta,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    about = email.message_from_bytes(wheel.read(meta))
    assert about["Name"] == "saltext.inguest"
    assert about["Version"] == inguestlib.__version__
    assert about["Requires-Python"] == ">=3.10"
    required = [x for x in about.get_all("Requires-Dist") if "extra ==" not in x]
    assert required == ["salt>=3006"]
    assert {"tests", "lint", "docs"} <= set(about.get_all("Provides-Extra"))


def test_loader_folders_of_a_checkout():
    found = loader.directories()
    assert {"modules", "states", "runners"} <= set(found)
    for kind, (folder,) in found.items():
        assert Path(folder) == ROOT / f"_{kind}"


def test_wrappers_name_the_interface_and_refresh():
    """What keeps old and new code apart works only if each wrapper takes part."""
    kinds = ("modules", "states", "grains", "runners", "engines")
    wrappers = [path for kind in kinds for path in _python(kind)]
    assert wrappers
    for path in wrappers:
        text = path.read_text()
        assert f"\nINTERFACE = {inguestlib.INTERFACE}\n" in text, path
        assert "\ninguestlib = inguestlib.refresh()\n" in text, path
        assert "inguestlib.check(__file__, INTERFACE)" in text, path
        early = text.split("inguestlib.refresh()")[0]
        assert "from inguestlib" not in early, f"{path} imports of the library before its refresh"


def test_beacons_import_nothing_of_the_library():
    assert not [path for path in _python("beacons") if "import inguestlib" in path.read_text()]


def _python(kind):
    return sorted((ROOT / f"_{kind}").glob("*.py"))
