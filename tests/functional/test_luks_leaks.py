"""What runs of `salt-call` on an encrypted volume leave behind holds none of its keys."""

import json
import os
import subprocess

import pytest

from support import leaks, procwatch
from support.safe import DRIVERS
from support.salt_rig import python

pytestmark = pytest.mark.functional

STORED = "tHe-key-0f-the-store/with+every=kind&of%char"
NEXT = "tHe-next-key-0f-the-store/it+came=later&of%it"
# A whole life, in the order of the states; the pillar of each run decides what they mean.
LIFE = """\
the volume is as declared:
  inguest_luks.volume:
    - name: data
    - root: {root}
    - image: {image}

a new recovery key:
  inguest_luks.key_rotated:
    - name: data
    - generation: 2
    - root: {root}
    - image: {image}
    - require:
      - inguest_luks: the volume is as declared

a copy of the header:
  inguest_luks.header_backed_up:
    - name: data
    - root: {root}
    - image: {image}
"""


class Run:
    """`salt-call --local` in a folder of its own, with the log at its most talkative."""

    def __init__(self, one_volume, folder, checkout):
        self.volume, self.folder = one_volume, folder
        for name in ("states", "pillar", "tmp"):
            (folder / name).mkdir(parents=True)
        config = {
            "id": "web1",
            "root_dir": str(folder),
            "cachedir": str(folder / "cache"),
            "log_file": str(folder / "minion.log"),
            "log_level_logfile": "all",
            "file_client": "local",
            "file_roots": {"base": [str(folder / "states")]},
            "pillar_roots": {"base": [str(folder / "pillar")]},
            "module_dirs": [str(checkout / "_modules")],
            "states_dirs": [str(checkout / "_states")],
            "utils_dirs": [str(checkout / "_utils")],
            "sdb_dirs": [str(DRIVERS)],
            "safe": one_volume.safe.profile,
            "enable_fqdns_grains": False,
        }
        (folder / "minion").write_text(json.dumps(config))
        where = {"root": one_volume.images.root, "image": one_volume.image}
        (folder / "states/life.sls").write_text(LIFE.format(**where))
        (folder / "pillar/top.sls").write_text("base: {'*': [policy]}\n")
        self.env = {**os.environ, "PYTHONPATH": str(checkout / "_utils")}
        self.env["TMPDIR"] = str(folder / "tmp")
        self.said = b""

    def __call__(self, *arguments):
        """The return of a function; what it printed is kept."""
        policy = {"mode": "off", "crypt": {"mode": "enforce"}}
        policy["crypt"]["volumes"] = {"data": self.volume.declared}
        (self.folder / "pillar/policy.sls").write_text("#!json\n" + json.dumps({"inguest": policy}))
        command = [*python("salt_call"), "-c", str(self.folder), "--local", "--out=json"]
        done = subprocess.run(
            [*command, "-l", "debug", *arguments],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            timeout=300,
            check=False,
        )
        self.said += done.stdout + done.stderr
        return json.loads(done.stdout)["local"]


def test_nothing_of_a_key_is_left(one_volume, tmp_path, tmp_path_factory, pytestconfig):
    run = Run(one_volume, tmp_path / "salt", pytestconfig.rootpath)
    safe = one_volume.safe
    safe.kept["store"] = STORED
    one_volume.declared["unlock"] = {"by": ["key"], "key": "sdb://safe/store"}
    with procwatch.Watch(tmp_path_factory.mktemp("watch")) as watch:
        states = run("state.apply", "life")
        assert isinstance(states, dict), states
        assert all(state["result"] for state in states.values()), states
        assert any(state["changes"] for state in states.values())
        safe.kept["store"] = NEXT
        states = run("state.apply", "life")
        assert isinstance(states, dict), states
        assert all(state["result"] for state in states.values()), states
        # a run that fails says why, and its traceback says no more
        safe.forgetful = True
        where = (f"root={one_volume.images.root}", f"image={one_volume.image}")
        failed = run("inguest_luks.rotate_key", "data", *where)
        assert failed["data"]["result"] in ("failed", "refused"), failed
        safe.forgetful = False
        one_volume.declared |= {"intent": "retired", "replace": one_volume.header()["uuid"]}
        retired = run("inguest_luks.retire", "data", *where)
        assert retired["data"]["result"] == "changed", retired
    assert len(set(safe.ever)) == 3, "the first recovery key, its successor, and the lost one"
    secrets = leaks.Secrets(
        {
            "the stored key": STORED,
            "the next stored key": NEXT,
            **{f"recovery key {n}": key for n, key in enumerate(safe.ever, 1)},
        }
    )

    assert b"luksAddKey" in watch.seen(), "cryptsetup was seen at work"
    log = run.folder / "minion.log"
    assert "Executing state inguest_luks.volume" in log.read_text(), "the log tells of the run"
    found = [
        *secrets.in_data(watch.seen(), "command lines and environments"),
        *secrets.in_data(run.said, "what was printed"),
        *secrets.in_tree(tmp_path),
        *secrets.in_tree("/run"),
        *secrets.in_tree("/dev/shm"),
    ]
    assert not found, "\n".join(map(str, found))

    # the same search finds what is there to be found
    with open(log, "a") as file:
        file.write(f"key is {safe.ever[1]}\n")
    assert {hit.place for hit in secrets.in_tree(tmp_path)} == {str(log)}
