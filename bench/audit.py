"""The cost of ``inguest.audit`` beside plain Salt states and a plain reading of the same files.

One run, one booted container with systemd, a real master and minion. What is printed are
ratios of medians; absolute figures are only there to be divided. Needs root, as the
container tests do: ``make bench``.
"""

import argparse
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT / "tests"))

from support import salt_rig, trees  # noqa: E402
from support.containers import Container  # noqa: E402
from support.wire import Wire  # noqa: E402

UNITS = ["cron", "ssh", "systemd-resolved", "systemd-networkd", "systemd-journald"]
UNITS += ["systemd-udevd", "dbus", "systemd-logind", "getty@tty1", "salt-minion"]


def policy(wire):
    """A policy of the size of the plain states."""
    return {
        "inguest": {
            "dns": {"servers": list(wire.resolvers), "search": ["corp.example"]},
            "services": {"required": {f"{unit}.service": {} for unit in UNITS}},
            "tools": {"role": "deployed"},
            "drivers": {"devices": {"allow": ["serial"]}},
            "proxy": {
                "url": "http://proxy.corp.example:3128",
                "exceptions": ["localhost", ".corp.example"],
            },
        }
    }


@contextlib.contextmanager
def guest(suite, variant, scratch):
    """A booted container with its minion, and its master."""
    with contextlib.ExitStack() as stack:
        wire = Wire().open()
        stack.callback(wire.close)
        master = salt_rig.Master(scratch / "master", wire.master)
        shutil.copy(CHECKOUT / "bench/salt/_modules/inguest_bench.py", master.served / "_modules")
        shutil.copytree(CHECKOUT / "bench/salt/plain", master.states / "plain")
        stack.callback(master.stop)
        master.start()
        link = wire.plug()
        root = stack.enter_context(trees.writable(suite, variant, scratch / "root", link.network))
        container = Container(f"bench-{link.name}", root, link, salt_rig.binds())
        minion = salt_rig.Minion(container, master)
        minion.install()
        unit = root / "etc/systemd/system/salt-minion.service"
        # A minion keeps the bytecode of what it synced; the tests' one doesn't.
        unit.write_text(unit.read_text().replace("Environment=PYTHONDONTWRITEBYTECODE=1\n", ""))
        stack.callback(container.cut)
        container.boot()
        minion.wait()
        minion.salt("saltutil.sync_all")
        minion.pillar(policy(wire))
        yield minion


def inside(minion, runs):
    """Figures of the functions alone, in the minion's job process (multiprocessing is on)."""
    opened = minion.salt("inguest_bench.trace", "inguest.audit")
    files = [row for row in opened if row[0] in ("open", "os.listdir", "os.scandir")]
    shown = minion.salt("inguest.audit")["summary"]
    states = {"mods": "plain", "test": True}
    pairs = minion.salt("inguest_bench.call", "inguest.audit", runs=2 * runs + 1, beside=opened)[1:]
    return {
        "files": len(files),
        "looks": len(opened) - len(files),
        "summary": shown,
        "plain": [plain for _, plain in pairs],
        "only files": minion.salt("inguest_bench.plain", files, runs=runs),
        "audit": {**_calls(minion, "inguest.audit", runs), "later": [row for row, _ in pairs]},
        "states": _calls(minion, "state.apply", runs, states),
    }


def _calls(minion, function, runs, kwargs=None):
    """Figures of a function: of the first call in a job, over several jobs, and of later ones."""

    def call(count):
        return minion.salt("inguest_bench.call", function, runs=count, kwargs=kwargs or {})

    return {"first": [call(1)[0] for _ in range(runs)], "later": call(runs + 1)[1:]}


def whole(minion, arguments, runs):
    """Wall and CPU seconds and peak memory (KiB) of whole ``salt-call`` processes."""
    code = (
        "import os, sys, time, resource\n"
        "begin = time.perf_counter()\n"
        "pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=["
        "(os.POSIX_SPAWN_OPEN, 1, '/dev/null', os.O_WRONLY, 0)])\n"
        "_, status, usage = os.wait4(pid, 0)\n"
        "print(time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)\n"
    )
    rows = []
    for _ in range(runs + 1):
        answer = minion.container.run(
            f"{salt_rig.GUEST_SALT}/bin/python",
            "-c",
            code,
            "/usr/local/bin/salt-call",
            "--local",
            "--log-level=quiet",
            *arguments,
            timeout=120,
        )
        wall, cpu, peak = answer.out.split()
        rows.append({"wall": float(wall), "cpu": float(cpu), "peak": int(peak)})
    return rows[1:]  # the first one fills the caches


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def line(what, rows, against):
    shown = [f"{what:44}"]
    for key in ("wall", "cpu", "peak"):
        base = median(against, key)
        shown.append(f"{median(rows, key) / base:9.2f}" if base else f"{'-':>9}")
    return "".join(shown)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="bookworm")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", type=Path, help="keep the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        minion = stack.enter_context(guest(options.suite, "bench", Path(scratch)))
        figures = {"inside": inside(minion, options.runs)}
        figures["ping"] = whole(minion, ["test.ping"], options.runs)
        figures["salt-call audit"] = whole(minion, ["inguest.audit"], options.runs)
        states = ["state.apply", "plain", "test=True"]
        figures["salt-call states"] = whole(minion, states, options.runs)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    report(figures)


def report(figures):
    inside_ = figures["inside"]
    print(f"verdicts of the audit: {inside_['summary']}")
    print(f"files and directories: {inside_['files']}; links, metadata: {inside_['looks']}")
    print(f"{'inside the minion, against a plain reading':44}{'wall':>9}{'cpu':>9}{'peak':>9}")
    plain = inside_["plain"]
    print(line("plain reading of all that the audit reads", plain, plain))
    print(line("plain reading of its files and directories", inside_["only files"], plain))
    print(line("inguest.audit, first call of a job", inside_["audit"]["first"], plain))
    print(line("inguest.audit, later calls", inside_["audit"]["later"], plain))
    print(line("state.apply plain test=True, first call", inside_["states"]["first"], plain))
    print(line("state.apply plain test=True, later calls", inside_["states"]["later"], plain))
    for key in ("wall", "cpu"):
        first, later = (
            median(inside_["states"][when], key) / median(inside_["audit"][when], key)
            for when in ("first", "later")
        )
        print(f"plain states / audit ({key}): first call {first:.1f}, later calls {later:.1f}")
    print(f"{'whole processes, against salt-call test.ping':44}{'wall':>9}{'cpu':>9}{'peak':>9}")
    ping = figures["ping"]
    print(line("salt-call --local test.ping", ping, ping))
    print(line("salt-call --local inguest.audit", figures["salt-call audit"], ping))
    print(line("salt-call --local state.apply plain test=True", figures["salt-call states"], ping))


if __name__ == "__main__":
    main()
