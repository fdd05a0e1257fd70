"""Ask the master, as a process of its own: by names, routes and connections as they are now.

A running minion keeps what it once resolved, and its connection; it would not notice that it has
been cut off until it needs another one. So a new process asks. It is the one place of this library
that imports Salt, for it runs by itself: see :data:`PROGRAM`.
"""

import json
import os
import sys

# What the new process runs; the options of the minion come on its standard input.
PROGRAM = (
    "import sys; sys.path.insert(0, {above!r}); from inguestlib import reach; "
    "sys.exit(reach.main(sys.stdin.read()))"
)
_LEFT_OUT = ("grains", "pillar")  # large, secret, and no part of a connection


def command():
    """The command of the new process."""
    above = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return [sys.executable, "-c", PROGRAM.format(above=above)]


def options(opts):
    """What the new process has to know of a minion's options, as a JSON text."""
    kept = {}
    for key, value in opts.items():
        if key in _LEFT_OUT or key.startswith("_") and key != "__role":
            continue
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            continue
        kept[key] = value
    return json.dumps(kept)


def has_master(opts):
    """Whether a minion of these options has a master to ask."""
    local = opts.get("file_client") == "local" and not opts.get("use_master_when_local")
    return not local and opts.get("master_type") != "disable"


def asker(functions, opts):
    """``ask(seconds)`` of :class:`inguestlib.confirmation.Guard`, by Salt's functions."""

    def ask(seconds):
        done = functions["cmd.run_all"](
            command(),
            stdin=options(opts),
            cwd="/",
            python_shell=False,
            timeout=int(seconds) or 1,
            ignore_retcode=True,
            output_loglevel="quiet",
        )
        said = str(done.get("stderr") or done.get("stdout") or "").strip().splitlines()
        words = [line for line in said if not line.startswith("[")] or said  # Salt's log
        return "" if done["retcode"] == 0 else (words or ["no reason was given"])[-1]

    return ask


def main(text):
    """Reach one of the masters; the exit status is 0, or the last reason is on stderr."""
    opts = json.loads(text)
    masters = opts["master"] if isinstance(opts["master"], list) else [opts["master"]]
    reason = "no master is configured"
    for master in masters:
        try:
            _reach({**opts, "master": master})
            return 0
        except Exception as exc:  # noqa: BLE001 - whatever it is, this master wasn't reached
            reason = f"{master}: {type(exc).__name__}: {exc}"
    print(reason, file=sys.stderr)
    return 1


def _reach(opts):
    """Resolve the master's name, sign in, and have it answer an encrypted request."""
    import salt.channel.client
    import salt.minion

    # Salt would otherwise try again for ever; who started us does that.
    opts = {**opts, "file_client": "remote", "retry_dns": 0, "auth_tries": 1}
    opts.update(salt.minion.resolve_dns(opts, fallback=False))
    with salt.channel.client.ReqChannel.factory(opts) as channel:
        if not channel.send({"cmd": "_master_opts", "id": opts["id"]}, tries=1, timeout=15):
            raise OSError("it gave no answer")
