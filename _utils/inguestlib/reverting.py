"""The timer that undoes what nobody confirms: systemd's, so that it outlives the minion.

A transient timer starts a service of ours when the window ends. The service's file lies in
``/etc`` while the window lasts, enabled, so that a boot within the window starts it as well.
Both go with the confirmation.
"""

import contextlib
import os
import sys

from inguestlib import confirmation, images, reach
from inguestlib.command import GuestError

NAME = "inguest-revert"
SERVICE = f"/etc/systemd/system/{NAME}.service"
WANTS = f"/etc/systemd/system/multi-user.target.wants/{NAME}.service"

# simple, not oneshot: systemd restarts a oneshot that failed only since version 244, and a boot
# need not wait for it. After the network's owners: they are restarted by the undo.
TEMPLATE = """\
# Made by inguest for as long as changes wait for their confirmation.
[Unit]
Description=Undo changes of inguest that nobody has confirmed
After=network.target
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart={command}
Restart=on-failure
RestartSec=15

[Install]
WantedBy=multi-user.target
"""


def quoted(argument):
    """An argument as a unit's ExecStart takes it literally."""
    for char, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$"), ("\n", "\\n")):
        argument = argument.replace(char, escaped)
    return f'"{argument}"'


def command(config_dir):
    """What the timer runs: this Python's Salt, without a master."""
    code = "import sys; from salt.scripts import salt_call; sys.argv[0] = 'salt-call'; salt_call()"
    options = ["--local", f"--config-dir={config_dir}", "--retcode-passthrough", "--out=json"]
    return [sys.executable, "-c", code, *options, "inguest.revert", "due=True"]


class Timer:
    """Arms :data:`NAME`.

    functions
        Salt's execution functions.
    argv
        What is run when the window has ended: :func:`command`.
    """

    def __init__(self, functions, argv):
        self._salt = functions
        self._argv = argv

    def missing(self, guest):
        """Why this guest can have no such timer, or an empty string."""
        if guest.init != "systemd" or not guest.is_dir("/run/systemd/system"):
            return f"its init is {guest.init}, not a running systemd"
        if not any(guest.exists(f"{folder}/systemd-run") for folder in ("/usr/bin", "/bin")):
            return "systemd-run is not installed"
        return ""

    def arm(self, guest, seconds):
        """Start the timer. Raises :class:`inguestlib.command.GuestError` when systemd refuses."""
        service, wants = guest.path(SERVICE), guest.path(WANTS, follow=False)
        os.makedirs(os.path.dirname(wants), exist_ok=True)
        text = TEMPLATE.format(command=" ".join(map(quoted, self._argv)))
        images.write(service, text.encode())
        os.chmod(service, 0o644)
        with contextlib.suppress(FileExistsError):
            os.symlink(SERVICE, wants)
        for path in (service, wants):
            images.sync_dir(os.path.dirname(path))
        self._systemctl("daemon-reload")
        self._systemctl("stop", f"{NAME}.timer", quietly=True)  # of a run that was killed
        when = (f"--on-active={seconds}s", "--timer-property=AccuracySec=1s")
        self._run("systemd-run", "--quiet", f"--unit={NAME}.service", *when)
        self._systemctl("is-active", "--quiet", f"{NAME}.timer")

    def disarm(self, guest):
        """Stop the timer and take away its service. A service that runs finds nothing to do."""
        if self.missing(guest):
            return
        self._systemctl("stop", f"{NAME}.timer", quietly=True)
        there = False
        for path in (WANTS, SERVICE):
            real = guest.path(path, follow=False)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(real)
                images.sync_dir(os.path.dirname(real))
                there = True
        if there:
            self._systemctl("daemon-reload", quietly=True)

    def _systemctl(self, *words, quietly=False):
        self._run("systemctl", *words, quietly=quietly)

    def _run(self, *argv, quietly=False):
        done = self._salt["cmd.run_all"](
            list(argv), python_shell=False, timeout=30, ignore_retcode=True
        )
        if done["retcode"] != 0 and not quietly:
            words = (done.get("stderr") or done.get("stdout") or "").strip()
            raise GuestError(f"{' '.join(argv)}: exit status {done['retcode']}: {words}")


def timer(functions, opts):
    """The :class:`Timer` of the minion that has these options."""
    config = opts.get("conf_file") or "/etc/salt/minion"
    return Timer(functions, command(os.path.dirname(config)))


def guard(functions, opts, settings, later=False):
    """The :class:`inguestlib.confirmation.Guard` of a minion, or ``None``: verifying is enough.

    settings
        The policy's ``confirm``.
    later
        The master will confirm, after a new audit.
    """
    ask = reach.asker(functions, opts) if reach.has_master(opts) else None
    if ask is None and not later:
        if settings["masterless"] == "verify":
            return None
        later = True
    return confirmation.Guard(timer(functions, opts), settings, ask, later)
