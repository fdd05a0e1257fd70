"""A real master on the host, and a real minion in each container.

No package is installed in a guest: the Python that runs the tests and its
virtual environment are bind-mounted read-only, so the Salt under test is the one
of the test run. The code under test is the checkout, in the master's file_roots.
"""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import salt._logging
import salt.client
import salt.exceptions

from support import need

CHECKOUT = Path(__file__).resolve().parents[2]
GUEST_SALT = "/opt/salt"  # where a guest finds the virtual environment

UNIT = """\
[Unit]
Description=The Salt Minion
After=network.target

[Service]
Type=notify
NotifyAccess=all
KillMode=process
LimitNOFILE=8192
Environment=PYTHONDONTWRITEBYTECODE=1
ExecStart=/usr/local/bin/salt-minion

[Install]
WantedBy=multi-user.target
"""


class Master:
    """A master on ``address``; ``directory`` holds all that is its own.

    It serves a copy of the checkout as it was at the start, so that editing during
    a test run does not reach the minions by halves. ``keys``: a directory with its key pair.
    """

    def __init__(self, directory, address, options=(), keys=None):
        self.directory = Path(directory)
        self.address = address
        self.config = self.directory / "master"
        self.pillar = self.directory / "pillar"
        self.states = self.directory / "states"
        self.log = self.directory / "master.log"
        self._process = None
        self._pillars = {}
        self.pillar.mkdir(parents=True)
        if keys is not None:
            shutil.copytree(keys, self.directory / "pki")
        self.served = self.directory / "checkout"
        for loader in CHECKOUT.glob("_*"):
            shutil.copytree(loader, self.served / loader.name)
        shutil.copytree(CHECKOUT / "states", self.states)
        (self.states / "top.sls").write_text("base: {'*': [inguest]}\n")
        self.options = {
            "root_dir": str(self.directory),
            "pki_dir": str(self.directory / "pki"),
            "cachedir": str(self.directory / "cache"),
            "sock_dir": str(self.directory / "run"),
            "pidfile": str(self.directory / "master.pid"),
            "log_file": str(self.log),
            "log_level_logfile": "info",
            "interface": address,
            "user": "root",
            "auto_accept": True,
            "worker_threads": 3,
            "gather_job_timeout": 15,  # find_job on a machine that is busy with tests
            "file_roots": {"base": [str(self.served), str(self.states)]},
            "pillar_roots": {"base": [str(self.pillar)]},
            **dict(options),
        }
        # JSON is YAML
        self.config.write_text(json.dumps(self.options, indent=1))

    def start(self, timeout=60):
        self._write_top()
        self._process = subprocess.Popen(
            [*need.DIES_WITH_US, *python("salt_master"), "-c", str(self.directory)],
            cwd=self.directory,  # not the checkout, whose metadata would make it an extension
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=open(self.directory / "master.err", "ab"),
            start_new_session=True,
        )
        deadline = time.monotonic() + timeout
        while not self._is_serving():
            alive = self._process.poll() is None
            assert alive and time.monotonic() < deadline, f"no master\n{self.tail()}"
            time.sleep(0.1)
        return self

    def stop(self):
        # Salt's clients in this process leave records for a stream that pytest closes
        salt._logging.shutdown_temp_handler()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                pass
            _signal_group(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def set_pillar(self, minion, data):
        """The whole pillar of one minion; the minion isn't told."""
        self._pillars[minion] = data
        (self.pillar / f"{minion}.sls").write_text("#!json\n" + json.dumps(data, indent=1))
        self._write_top()

    def call(self, target, function, *arguments, timeout=120, **keywords):
        """``salt TARGET FUNCTION``: ``{minion: full return}`` of those that answered.

        A full return holds ``ret``, ``retcode`` and ``success``.
        """
        with salt.client.get_local_client(str(self.config)) as client:
            answers = client.cmd(
                target, function, arguments, kwarg=keywords, timeout=timeout, full_return=True
            )
        return {minion: answer for minion, answer in answers.items() if answer}

    def run(self, *arguments, timeout=180):
        """``salt-run ARGUMENTS``; the finished process, its output as text."""
        command = [*python("salt_run"), "-c", str(self.directory)]
        return subprocess.run(
            [*command, *arguments],
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def has_subscriber(self, address):
        """Whether a minion at this IPv4 address is connected to the publisher (port 4505)."""
        there = f"{struct.unpack('=I', socket.inet_aton(address))[0]:08X}:"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(
            row[1].endswith(f":{4505:04X}") and row[2].startswith(there) and row[3] == "01"
            for row in rows
        )

    def tail(self, lines=40):
        """The end of the master's log."""
        said = ""
        for path in (self.directory / "master.err", self.log):
            if path.exists():
                said += "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) + "\n"
        return said

    def _write_top(self):
        top = {"base": {minion: [minion] for minion in self._pillars}}
        (self.pillar / "top.sls").write_text("#!json\n" + json.dumps(top))

    def _is_serving(self):
        for port in (4505, 4506):
            with socket.socket() as probe:
                probe.settimeout(0.5)
                if probe.connect_ex((self.address, port)):
                    return False
        return True


class Minion:
    """The minion of a :class:`support.containers.Container`.

    ``salt`` goes through the master, ``salt_call`` runs in the guest; both give
    the function's return and raise ``AssertionError`` when it could not be had.
    """

    def __init__(self, container, master):
        self.container = container
        self.master = master
        self.id = container.name

    def install(self):
        """Write the minion's configuration, unit and commands into the tree, before it boots."""
        root = self.container.root
        for path, (text, mode) in self.files().items():
            _write(root / path.lstrip("/"), text, mode)
        wants = root / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(parents=True, exist_ok=True)
        (wants / "salt-minion.service").symlink_to("/etc/systemd/system/salt-minion.service")

    def files(self, **settings):
        """``{path: (text, mode)}`` of what makes a minion of a machine that has Salt.

        :param settings: more of the minion's configuration.
        """
        config = {
            "id": self.id,
            "master": self.master.address,
            "acceptance_wait_time": 1,
            "auth_timeout": 5,
            "recon_default": 200,
            "recon_max": 1000,
            "log_level": "info",
            "startup_states": "",
            # the rig has synced it; before each state run again, it is half of the test's time
            "autoload_dynamic_modules": False,
            # a guest without a route to a name server waits for seconds in this grain
            "enable_fqdns_grains": False,
            **settings,
        }
        files = {
            "/etc/salt/minion": (json.dumps(config, indent=1), 0o644),
            "/etc/systemd/system/salt-minion.service": (UNIT, 0o644),
        }
        for command in ("salt-minion", "salt-call"):
            script = f"#!{GUEST_SALT}/bin/python\n{_entry(command.replace('-', '_'))}\n"
            files[f"/usr/local/bin/{command}"] = (script, 0o755)
        return files

    def wait(self, timeout=90):
        """Wait until it answers ``test.ping``."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            # asking one that isn't there costs Salt's whole gather_job_timeout
            if not self.master.has_subscriber(self.container.link.address):
                time.sleep(0.1)
                continue
            try:
                if self.id in self.master.call(self.id, "test.ping", timeout=2):
                    return self
            except salt.exceptions.SaltClientError:
                pass  # the port is open before the master's workers are up
        log = self.container.run("tail", "-n", "40", "/var/log/salt/minion").out
        raise AssertionError(f"{self.id} does not answer\n{log}\n{self.master.tail()}")

    def salt(self, function, *arguments, timeout=180, **keywords):
        """What ``salt <this minion> FUNCTION`` returns."""
        answer = self.full(function, *arguments, timeout=timeout, **keywords)
        return answer["ret"]

    def full(self, function, *arguments, timeout=180, **keywords):
        """The full return: ``ret``, ``retcode``, ``success``, ``jid``."""
        answers = self.master.call(self.id, function, *arguments, timeout=timeout, **keywords)
        assert self.id in answers, f"{self.id} gave no answer to {function}\n{self.master.tail()}"
        return answers[self.id]

    def salt_call(self, *arguments, timeout=180, local=False):
        """What ``salt-call ARGUMENTS`` returns in the guest, parsed from its JSON."""
        where = ["--local"] if local else []
        answer = self.container.run(
            *("/usr/local/bin/salt-call", "--out=json", "--log-level=error", *where, *arguments),
            timeout=timeout,
        )
        try:
            return json.loads(answer.out)["local"]
        except (ValueError, KeyError):
            raise AssertionError(f"salt-call {' '.join(arguments)}: {answer}") from None

    def pillar(self, data):
        """Give this minion a pillar and have it read."""
        self.master.set_pillar(self.id, data)
        assert self.salt("saltutil.refresh_pillar", wait=True) is True

    def reboot(self):
        """Reboot the guest; the minion comes back by itself."""
        self.container.reboot()
        return self.wait()


def binds():
    """``{host path: guest path}`` of the Python that runs the tests, with its Salt."""
    base = Path(sys.base_prefix).resolve()
    if base in (Path("/"), Path("/usr"), Path("/usr/local")):
        need.unmet(
            "containers need a Python with a prefix of its own (pyenv, uv, a hosted tool cache); "
            f"this one is part of the system: {base}"
        )
    mounts = {str(base): str(base), str(Path(sys.prefix).resolve()): GUEST_SALT}
    interpreter = Path(os.path.realpath(sys.executable))
    if not interpreter.is_relative_to(base):
        mounts[str(interpreter.parent)] = str(interpreter.parent)
    return mounts


def python(name):
    """The command that starts one of Salt's programs with the tests' Python."""
    return [sys.executable, "-c", _entry(name)]


def _entry(name):
    return (
        f"import sys; from salt.scripts import {name}; sys.argv[0] = '{name}'; sys.exit({name}())"
    )


def _write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _signal_group(pid, number):
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass
