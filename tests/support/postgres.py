"""A PostgreSQL server of the tests' own: in a new folder, on a socket there, of no privilege.

::

    with postgres.Server() as server:
        url = server.database()      # a new, empty one, for SQLAlchemy with psycopg
        server.stop(); server.start()
"""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from support import need

FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT
START = 60  # seconds for a server on a loaded machine


class Server:
    """One cluster, removed when it is closed.

    durable
        Whether it waits for the disk, as one in production does. The tests don't need it: a server
        that is killed leaves what it wrote to the kernel.
    """

    def __init__(self, durable=False):
        self.home = None
        self._durable = durable
        self._process = None
        self._numbers = itertools.count(1)

    @staticmethod
    def program(name):
        """The path of one of PostgreSQL's programs, of the newest version; ``None``."""
        found = sorted(
            Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: float(p.parts[4])
        )
        return str(found[-1]) if found else shutil.which(name)

    def __enter__(self):
        if not self.program("postgres"):
            need.unmet("PostgreSQL missing; tests/support/install-rig.sh installs it")
        self.home = tempfile.mkdtemp(prefix="inguest-pg-")  # a socket's path has to be short
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.home, user.pw_uid, user.pw_gid)
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
        self._run("initdb", "--no-sync", *options, "-D", f"{self.home}/data")
        return self.start()

    def __exit__(self, *_exc):
        self.stop(IMMEDIATE)
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self):
        """Start the server, and wait until it answers."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.home,
            "max_connections": "40",
            "shared_buffers": "64MB",
            "autovacuum_naptime": "10s",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        arguments = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        with open(f"{self.home}/log", "ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._as_user("setpriv", "--pdeathsig", "INT"),
                    self.program("postgres"),
                    "-D",
                    f"{self.home}/data",
                    *arguments,
                ],
                stdout=log,
                stderr=log,
                cwd="/",
            )
        deadline = time.monotonic() + START
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(Path(self.home, "log").read_text()[-2000:])
            time.sleep(0.05)
        return self

    def stop(self, how=FAST):
        """Stop it: ``FAST`` rolls back what is open, ``IMMEDIATE`` is a crash."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(how)
            self._process.wait(START)
            self._process = None

    def database(self):
        """The URL of a new, empty database."""
        name = f"test{next(self._numbers)}"
        self.sql("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name):
        """The URL of a database of this server."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.home}"

    def sql(self, name, statement):
        """What ``psql`` prints for a statement, bare."""
        arguments = ["-h", self.home, "-U", "postgres", "-d", name, "-v", "ON_ERROR_STOP=1"]
        return self._run("psql", "-X", "-q", "-A", "-t", *arguments, "-c", statement)

    def _answers(self):
        ready = [self.program("pg_isready"), "-q", "-h", self.home]
        return subprocess.run(ready, check=False).returncode == 0

    def _run(self, name, *arguments):
        done = subprocess.run(
            [*self._as_user("setpriv"), self.program(name), *arguments],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr.strip()}")
        return done.stdout.strip()

    @staticmethod
    def _as_user(*command):
        """A server refuses to run as root: as the user that its package made."""
        if os.geteuid() != 0:
            return [*command] if len(command) > 1 else []
        user = pwd.getpwnam("postgres")
        ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        return [command[0], *ids, *command[1:]]
