"""What the rows of an advisory say about the package of a release: pure functions."""

from inguestlib import versions
from inguestlib.families.tools.advisories import osv, series
from inguestlib.families.tools.advisories.rows import PACKAGE


def rows(item, os):
    """``(rows, Series, borrowed)``: the rows of an advisory that speak about a release.

    os
        ``facts.guest["os"]``.

    Rows of AlmaLinux count for those who rebuild the same sources, but for the fixes that
    AlmaLinux made by itself.
    """
    release = series.of(os)
    mine = [row for row in item.rows if row["package"]["name"].startswith(PACKAGE)]
    own = [row for row in mine if release.owns(row["package"]["ecosystem"])]
    if own:
        return own, release, False
    borrowed = [
        row
        for row in mine
        if row["package"]["ecosystem"] in release.borrowed
        and not row.get("database_specific", {}).get("own")
    ]
    return borrowed, release, True


def judged(item, version, manager, os):
    """What an advisory's rows say of a version, or ``None`` when no row speaks of the release.

    ``{"fixed": bool, "fixed_in": the version to go to or None, "row": the row that decided,
    "release": Series, "borrowed": bool}``.
    """
    mine, release, borrowed = rows(item, os)
    if not mine:
        return None
    # Support that ended without a fix, and a longer one with it, are two rows of one release.
    good = [row for row in mine if not osv.affects(row, version, manager)]
    fixes = [fix for row in mine if (fix := osv.fixed_by(row, version, manager))]
    return {
        "fixed": bool(good),
        "fixed_in": min(fixes, key=lambda fix: versions.key(fix, manager), default=None),
        "row": (good or mine)[0],
        "release": release,
        "borrowed": borrowed,
    }


def needs_update(data, version, manager, os, files=None):
    """``{id: fixed version or None}`` of the advisories whose rows call a version affected.

    data
        :class:`inguestlib.families.tools.advisories.Advisories`, from ``chosen``.
    version, manager
        Of the installed package; ``dpkg`` or ``rpm``.
    os
        ``facts.guest["os"]``.
    files
        ``facts["vulnerabilities"]["files"]``: what is in a file that is not there is not open.

    Where no row speaks of the release nothing is said: ask ``tools-no-known-cve``.
    """
    found = {}
    for item in data.items:
        if files is not None and item.file and not files.get(item.file):
            continue
        said = judged(item, version, manager, os)
        if said and not said["fixed"]:
            found[item.id] = said["fixed_in"]
    return found
