"""
Show audits by inguest as a table
=================================

``salt-run inguest.audit`` uses it unless another one is asked for by ``--out``. It can
also be named for the execution module::

    salt-call --local inguest.audit --out=inguest
    salt '*' inguest.audit --out=inguest

What isn't an audit is shown by the outputter ``nested``.
"""

import os
import shutil
import sys


def __virtual__():
    return "inguest"


def output(data, **kwargs):
    """
    The text for a terminal.

    data
        A report, ``{minion: report}``, the audit of a fleet, or what ``inguest.clones`` gives.
    """
    view = _view()
    text = _text(view, data) if view else None
    return __salt__["nested"](data) if text is None else text


def _view():
    """The library. A cold process does not look for it where Salt's sync puts it: beside us."""
    try:
        from inguestlib.fleet import view
    except ImportError:
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        beside = [os.path.join(here, name) for name in ("utils", "_utils")]
        sys.path.extend(p for p in beside if os.path.isdir(os.path.join(p, "inguestlib")))
        try:
            from inguestlib.fleet import view
        except ImportError:
            return None
    return view


def _text(view, data):
    if not isinstance(data, dict):
        return None
    how = {
        "columns": shutil.get_terminal_size((120, 24)).columns,
        "colour": bool(__opts__.get("color")) and not os.environ.get("NO_COLOR"),
        "show_all": data.get("show") == "all",
        "arrow": "→" if "utf" in (sys.stdout.encoding or "").lower() else "->",
    }
    if data.get("view") == "clones":
        from inguestlib.fleet import cloneview

        return cloneview.text(data, columns=how["columns"], colour=how["colour"])
    if data.get("view") == "report":
        from inguestlib.fleet import reports

        return reports.text(data)
    if data.get("view") == "enforce":
        from inguestlib.fleet.enforce import view as enforced

        return enforced.text(data, columns=how["columns"], colour=how["colour"])
    if data.get("view") == "whatif":
        from inguestlib.fleet.whatif import view as proposed

        return proposed.text(data, columns=how["columns"], colour=how["colour"])
    if "view" in data:
        from inguestlib.fleet import tables

        return tables.text(data, **how) if tables.knows(data) else None
    if "unanswered" in data:
        return view.fleet(data, **how)
    if "findings" in data:
        return view.report(data, **how)
    reports = [r for r in data.values() if isinstance(r, dict) and "findings" in r]
    if len(reports) != len(data):
        return None
    return "\n\n".join(view.report(r, **how) for r in reports)
