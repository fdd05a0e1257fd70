"""In the guest: one run on one volume. The argument is JSON: see ``crypt.Volumes.start``."""

import functools
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, "/srv/inguest/_utils")
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"

from inguestlib.volumes import actions, declared, job, run

STORE = "/root/store.json"


def stored():
    """All of the store."""
    try:
        with open(STORE, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def keep(uri, value):
    """As ``sdb.set``."""
    values = {**stored(), uri: value}
    with open(STORE + ".new", "w", encoding="utf-8") as file:
        json.dump(values, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(STORE + ".new", STORE)
    return True


def forget(uri):
    """As ``sdb.delete``."""
    values = stored()
    values.pop(uri, None)
    with open(STORE, "w", encoding="utf-8") as file:
        json.dump(values, file)


def run_all(argv, python_shell=False, timeout=None, **unused):
    """As ``cmd.run_all`` of a list, without loading Salt."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
    return {"retcode": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def functions(lean):
    """Salt's own, and a store. ``lean``: Salt is loaded when more is asked for than a program."""
    own = {
        "sdb.get": lambda uri, strict=False: stored().get(uri),
        "sdb.set": keep,
        "sdb.delete": forget,
    }
    return _Both({**own, "cmd.run_all": run_all}) if lean else _Both(own)


def loaded():
    """Salt's own functions."""
    import salt.config
    import salt.loader

    opts = salt.config.minion_config(None)
    opts.update(file_client="local", cachedir="/tmp/salt", extension_modules="/tmp/salt/ext")
    opts["grains"] = {"kernel": "Linux", "os": "Debian", "os_family": "Debian", "init": "systemd"}
    opts["grains"]["osmajorrelease"] = 12
    return salt.loader.minion_mods(opts)


class _Both(dict):
    """Our own functions over Salt's."""

    @functools.cached_property
    def _loaded(self):
        return loaded()

    def __missing__(self, name):
        return self._loaded[name]

    def __contains__(self, name):
        return super().__contains__(name) or name in self._loaded


def main(told):
    """Print the run's result as JSON."""
    problems = []
    key = f"inguest:crypt:volumes:{told['name']}"
    volume = declared.VOLUME.check(told["declared"], key, problems)
    assert not problems, problems
    kill, seen = told.get("kill"), []

    def step(label):
        seen.append(label)
        if "trace" in told:
            with open(told["trace"], "a", encoding="utf-8") as file:
                file.write(label + "\n")
        if label == kill or len(seen) == kill:
            os.kill(os.getpid(), signal.SIGKILL)

    minion = told.get("minion", "guest")
    one = job.Job(
        told["name"], volume, minion=minion, salt=functions(told.get("lean", False)), step=step
    )
    if "action" in told:
        result = getattr(actions, told["action"])(one)
    else:
        result = run.run(one, test=told.get("test", False))
    print(json.dumps({**result, "labels": seen}))


main(json.loads(sys.argv[1]))
