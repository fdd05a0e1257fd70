"""Whether the candidates prove anything: how old the metadata are, and what is not known. Pure."""

import datetime as dt

from inguestlib.families.tools.candidate import official

_TIME = "%Y-%m-%dT%H:%M:%SZ"


def doubt(facts, policy):
    """Why the candidates can't prove that a package is the newest, or ``""``.

    Judged at the policy's time by ``metadata_days`` and ``repositories``.
    """
    seen, os = facts["candidates"], facts.guest["os"]
    if seen["manager"] is None:
        return "no package manager's repositories were found"
    if seen["unread"]:
        return f"these lists can't be read here: {', '.join(seen['unread'][:3])}"
    missing = official.missing(seen, os, policy["repositories"])
    if missing:
        return f"{' and '.join(missing)} is not enabled; see tools-update-path"
    rows = official.relevant(seen, os, policy["repositories"])
    if not rows:
        return "no enabled repository offers open-vm-tools"
    never = [row["id"] for row in rows if row["metadata"] is None and not row["local"]]
    if never:
        return f"{never[0]}: its metadata were never fetched"
    return _old(seen, rows, policy)


def _old(seen, rows, policy):
    rows = [row for row in rows if not row["local"]]
    for row in rows:
        if row["until"] and row["until"] < policy.now:
            return f"the metadata of {row['id']} expired on {row['until'][:10]}"
    when, which = newest(seen, rows)
    if rows and when is None:
        return "nothing tells how old the metadata are"
    days = age(when, policy.now) if rows else 0
    if days > policy["metadata_days"]:
        limit = policy["metadata_days"]
        return (
            f"the metadata of {which} are {days} days old, inguest:tools:metadata_days allows "
            f"{limit}; refresh them (pkg.refresh_db)"
        )
    return ""


def newest(seen, rows):
    """``(when, of what)`` the metadata were last seen to be the newest.

    rpm's managers note it for each repository: the oldest counts. apt notes only when something
    new was fetched, from any of them; and what a repository made lately was fetched lately.
    """
    if seen["manager"] == "apt":
        times = [t for t in (seen["fetched"], *(row["date"] for row in rows)) if t]
        return (max(times), "apt") if times else (None, "apt")
    oldest = min(rows, key=lambda row: row["fetched"] or "", default=None)
    return (oldest["fetched"], oldest["id"]) if oldest else (None, "")


def age(when, now):
    """Whole days between two times of the form ``YYYY-MM-DDTHH:MM:SSZ``; 0 for the future."""
    return max(0, (dt.datetime.strptime(now, _TIME) - dt.datetime.strptime(when, _TIME)).days)


def said(facts, policy):
    """Evidence: which repositories were looked at and how old what is known of them is."""
    seen, os = facts["candidates"], facts.guest["os"]
    rows = official.relevant(seen, os, policy["repositories"])
    when, _ = newest(seen, [row for row in rows if not row["local"]])
    shown = ", ".join(row["metadata"] or row["id"] for row in rows[:4])
    how = f"{seen['asked']}: " if seen["asked"] else ""
    return f"{how}{shown}" + (f" (of {when})" if when else "")
