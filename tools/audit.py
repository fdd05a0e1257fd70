#!/usr/bin/env python3
"""Audit this very machine by the example policy, without a master, and change nothing.

    python tools/audit.py [--all] [--json] [--strict] [--families dns,services] [--root DIR]

Needs a Python with Salt (`make audit` makes one). Salt gets its configuration, cache, keys and
logs in a scratch directory that is removed afterwards. Exit code: 0 when the audit worked,
whatever it found; with --strict 2 for drift and 3 for what broke or could not be seen; 1 when
the audit could not be made.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE / "_utils"))

from inguestlib.fleet import answers, text, view  # noqa: E402

CODES = {"clean": answers.CLEAN, "drift": answers.DRIFT}


def main(argv=None):
    """Run the audit and show it; returns the exit code."""
    args = arguments(argv)
    if sys.stderr.isatty():
        print(f"auditing by {args.pillar} ...", end="\r", file=sys.stderr, flush=True)
    started = time.monotonic()
    scratch = tempfile.mkdtemp(prefix="inguest-audit-")
    try:
        report = audit(Path(scratch), args)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if sys.stderr.isatty():
        print("\x1b[K", end="", file=sys.stderr, flush=True)
    wrong = answers.malformed(report)
    if wrong:
        print(f"the audit could not be made:\n{wrong}", file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        print(shown(report, args.all))
        quiet = sum(1 for f in report["findings"] if f["verdict"] in view.QUIET)
        if quiet and not args.all:
            print("compliant and not applicable ones are only counted; --all lists them")
        if os.geteuid() and not args.root:
            print("not run as root: what only root may read is unknown")
        print(f"audited in {time.monotonic() - started:.1f} s, nothing was changed")
    return CODES.get(answers.standing(report["findings"]), answers.TROUBLE) if args.strict else 0


def arguments(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--all", action="store_true", help="also list what is compliant")
    parser.add_argument("--json", action="store_true", help="print the report as data")
    parser.add_argument("--strict", action="store_true", help="drift exits with 2, trouble with 3")
    parser.add_argument("--families", help="only these families, with commas")
    parser.add_argument("--controls", help="only these controls, with commas")
    parser.add_argument("--root", help="audit this directory in place of the machine")
    parser.add_argument("--pillar", type=Path, default=HERE / "pillar", help="where the policy is")
    return parser.parse_args(argv)


def audit(scratch, args):
    """The report by ``salt-call --local``; a text that says what went wrong in its place."""
    (scratch / "minion").write_text(json.dumps(configuration(scratch, args.pillar)))
    (scratch / "extmods").mkdir()
    for kind in ("utils", "modules"):  # as saltutil.sync_all leaves them
        (scratch / "extmods" / kind).symlink_to(HERE / f"_{kind}")
    wanted = {"families": args.families, "controls": args.controls, "root": args.root}
    command = [str(Path(sys.executable).parent / "salt-call"), "--local", "--config-dir", scratch]
    command += ["--out=json", "--log-level=error", "inguest.audit"]
    command += [f"{key}={value}" for key, value in wanted.items() if value]
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    try:
        return json.loads(done.stdout)["local"]
    except (ValueError, KeyError, TypeError):
        return (done.stdout + done.stderr).strip() or f"salt-call ended with {done.returncode}"


def configuration(scratch, pillar):
    """The minion's configuration (JSON is YAML): everything it writes lies in ``scratch``."""
    return {
        "id": socket.gethostname(),
        "file_client": "local",
        "root_dir": str(scratch),
        "pki_dir": str(scratch / "pki"),
        "cachedir": str(scratch / "cache"),
        "sock_dir": str(scratch / "run"),
        "log_file": str(scratch / "log"),
        "pidfile": str(scratch / "pid"),
        "extension_modules": str(scratch / "extmods"),
        "file_roots": {"base": [str(HERE / "states")]},
        "pillar_roots": {"base": [str(pillar.resolve())]},
        "enable_fqdns_grains": False,
        "enable_gpu_grains": False,
    }


def shown(report, show_all):
    """The table, fit for the terminal that we write to."""
    return view.report(
        report,
        columns=shutil.get_terminal_size((120, 24)).columns,
        colour=text.wants_colour(sys.stdout, os.environ),
        show_all=show_all,
        arrow="→" if "utf" in (sys.stdout.encoding or "").lower() else "->",
    )


if __name__ == "__main__":
    sys.exit(main())
