"""A real master and a real minion on loopback, over a scratch copy of the tree."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import saltfactories.manager

ROOT = Path(__file__).parents[2]
PROBES = ROOT / "tests/integration/loading/probes"
SYNCED = ("_utils", "_modules", "_states", "_grains", "_runners", "_engines", "_beacons", "_output")

# The library without its cure, for the control: what happens to those who do not refresh.
NO_CURE = "\n\ndef refresh():\n    return sys.modules[__name__]\n"

# These kinds cannot be asked, they leave notes.
NOTED = ("engine of the master", "engine of the minion", "beacon")


class Tree:
    """A scratch `file_roots`: the checkout's loader folders, with the probes among them."""

    def __init__(self, root, cure=True):
        self.root = Path(root)
        ignore = shutil.ignore_patterns("__pycache__")
        for folder in SYNCED:
            for source in (ROOT / folder, PROBES / folder):
                if source.is_dir():
                    shutil.copytree(source, self.root / folder, ignore=ignore, dirs_exist_ok=True)
        shutil.copytree(PROBES / "reactor", self.root / "reactor")
        if not cure:
            with (self.root / "_utils/inguestlib/__init__.py").open("a") as init:
                init.write(NO_CURE)

    def install(self, python, *more):
        """Build a wheel of this tree and install it, or the tree itself with `more` `-e`."""
        for name in ("setup.py", "setup.cfg", "pyproject.toml", "LICENSE"):
            shutil.copyfile(ROOT / name, self.root / name)
        for name in ("requirements", "states", "pillar"):
            shutil.copytree(ROOT / name, self.root / name, dirs_exist_ok=True)
        shutil.rmtree(self.root / "build", ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps"]
        run(*pip, "--no-build-isolation", "--force-reinstall", *more, str(self.root))

    def say(self, word, wrappers=None):
        """Set the library's word, and the wrappers' word when given."""
        self._assign(self.root / "_utils/inguestlib/probeword.py", "WORD", word)
        if wrappers:
            for wrapper in self.root.glob("_*/probe.py"):
                self._assign(wrapper, "WRAPPER", wrappers)

    @staticmethod
    def _assign(path, name, word):
        lines = path.read_text().splitlines()
        path.write_text(
            "\n".join(f'{name} = "{word}"' if x.startswith(f"{name} =") else x for x in lines)
            + "\n"
        )


class Rig:
    """Master and minion, and the questions that the tests ask them."""

    def __init__(self, base, master, minion):
        self.base, self.master, self.minion = base, master, minion
        self.beacon_notes = base / "beacon.notes"
        self.engine_notes = base / "engine.notes"
        self.minion_notes = base / "minion.notes"
        self.reactor_notes = base / "reactor.notes"

    def ask(self, function, *args, **kwargs):
        """`salt minion …`, without the start of a command line."""
        return self.master.salt_client().run(
            function, *args, minion_tgt=self.minion.id, timeout=120, **kwargs
        )

    def run(self, *function, **kwargs):
        """`salt-run …`"""
        return self.master.salt_run_cli(timeout=120).run(*function, _timeout=120, **kwargs)

    def sync(self):
        """What a user does after a change: both sync functions."""
        self.ask("saltutil.sync_all")
        assert self.run("saltutil.sync_all").returncode == 0

    def state(self):
        """The state's own words; the module's, as the state got them, under `module`."""
        (only,) = self.ask("state.single", "probe.said", "x").values()
        return only["changes"]

    def react(self):
        """Have the reactor, in its own process, run the probe's runner; its note."""
        before = len(notes(self.reactor_notes))
        self.ask("event.send", "probe/react", path=str(self.reactor_notes))
        return awaited(lambda: notes(self.reactor_notes)[before:])[-1]

    def warned_by(self, wrapper):
        """Whether the master's log has the warning of this wrapper that it is an old one."""
        log = Path(self.master.config["log_file"]).read_text(errors="replace")
        return f"{wrapper} runs as it was loaded" in log

    def kinds(self):
        """`{kind: question}`: each answers with what that kind of wrapper is made of."""
        return {
            "module": lambda: self.ask("probe.word"),
            "state": self.state,
            "module of a state": lambda: self.state()["module"],
            "runner": lambda: self.run("probe.word").data,
            "runner in the master": lambda: self.ask("publish.runner", "probe.word"),
            "runner in the reactor": self.react,
            "engine of the master": lambda: awaited(lambda: notes(self.engine_notes))[-1],
            "engine of the minion": lambda: awaited(lambda: notes(self.minion_notes))[-1],
            "beacon": lambda: awaited(lambda: notes(self.beacon_notes))[-1],
        }

    def everywhere(self):
        """The answers of all kinds."""
        return {kind: ask() for kind, ask in self.kinds().items()}

    def settled(self, wrapper, library, seconds=60, ended=()):
        """All kinds come to these words by themselves; one that has not yet says it is stale.

        Of the kinds in `ended` nothing new is awaited: having said that they are stale is enough.
        """
        for kind, ask in self.kinds().items():
            until = time.monotonic() + seconds
            if kind in ended:
                said = ask()
                assert said["stale"] or ages(said) == (wrapper, library), f"{kind}: {said}"
                continue
            while ages(said := ask()) != (wrapper, library):
                assert time.monotonic() < until, f"{kind} stays at {said}"
                told = kind in NOTED or said["stale"]  # a note may be from before the sync
                assert told, f"{kind} is of another age and does not know it: {said}"
                time.sleep(0.5)
            assert not said["stale"], f"{kind}: {said}"


def ages(said):
    """(word of the wrapper, word of the library) of one answer."""
    return said["wrapper"], said["library"]


def notes(path):
    """What engines, beacons and reactor wrote, oldest first."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def awaited(ask, seconds=60):
    """Ask until the answer is true; the last answer."""
    until = time.monotonic() + seconds
    while not (answer := ask()) and time.monotonic() < until:
        time.sleep(0.25)
    assert answer, f"nothing within {seconds} s"
    return answer


@contextlib.contextmanager
def scratch():
    """A folder with a short path: Salt's sockets have no room for pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="ig-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def scratch_tree(cure=True):
    with scratch() as folder:
        yield Tree(folder, cure)


@contextlib.contextmanager
def running(pytestconfig, event_listener, tree=None, multiprocessing=True, python=None):
    """Start master and minion over `tree` (None: nothing to sync), with `python`'s packages.

    The tree is synced before the daemons start, as the documentation asks.
    """
    logs = pytestconfig.pluginmanager.get_plugin("saltfactories-log-server")
    with scratch() as base:
        manager = saltfactories.manager.FactoriesManager(
            root_dir=base / "salt",
            log_server_host=logs.log_host,
            log_server_port=logs.log_port,
            log_server_level=logs.log_level,
            event_listener=event_listener,
            python_executable=str(python or sys.executable),
            start_timeout=120,
            environ={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        )
        roots = {"base": [str(tree.root)] if tree else []}
        reactor = (tree.root if tree else PROBES) / "reactor"
        master = manager.salt_master_daemon(
            "master",
            overrides={
                "file_roots": roots,
                "worker_threads": 3,
                "reactor": [
                    {"probe/react": [str(reactor / "probe.sls")]},
                    {"probe/audit": [str(reactor / "audit.sls")]},
                ],
                "peer_run": {".*": ["probe.*"]},
                "reactor_refresh_interval": 5,  # the reactor keeps a loaded runner for so long
                "engines": [{"probe": {"path": str(base / "engine.notes")}}],
            },
        )
        minion = master.salt_minion_daemon(
            "minion",
            overrides={
                "multiprocessing": multiprocessing,
                "file_roots": roots,
                "engines": [{"probe": {"path": str(base / "minion.notes")}}],
                "beacons": {"probe": [{"path": str(base / "beacon.notes")}, {"interval": 1}]},
            },
        )
        rig = Rig(base, master, minion)
        if tree:  # neither daemon needs to run for these
            answers = (
                rig.run("saltutil.sync_all"),
                minion.salt_call_cli(timeout=120).run("--local", "saltutil.sync_all"),
            )
            assert not any(a.returncode for a in answers), answers
        with master.started(), minion.started():
            yield rig


def call(folder, python, *args, **options):
    """`salt-call --local` of that Python, configured in `folder`: (data, all output)."""
    config = {
        "id": "masterless",
        "root_dir": str(folder),
        "file_client": "local",
        "fileserver_list_cache_time": 0,
        **options,
    }
    folder.mkdir(exist_ok=True)
    (folder / "minion").write_text(json.dumps(config))
    start = "import sys; from salt.scripts import salt_call; sys.exit(salt_call())"
    options = ["--config-dir", str(folder), "--local", "--out=json", "--log-level=error"]
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", start, *options, *args],
        capture_output=True,
        text=True,
        env=environ,
        cwd=folder,
    )
    try:
        data = json.loads(done.stdout)["local"]
    except (ValueError, KeyError):
        data = None
    return data, done.stdout + done.stderr


def environment(folder):
    """A virtual environment that sees this one's packages; its Python."""
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    (site,) = folder.glob("lib/python*/site-packages")
    site.joinpath("parent.pth").write_text(f"{Path(pytest.__file__).parents[1]}\n")
    return folder / "bin/python"


def run(*argv, **kwargs):
    """A subprocess that must end well; its output."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **kwargs)
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout
