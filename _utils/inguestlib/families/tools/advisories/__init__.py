"""Which vulnerabilities of open-vm-tools are known, and in which package they are fixed.

The shipped data are the modules of this package by year; a policy extends or replaces them.
Nothing here reads a guest.
"""

from functools import lru_cache

from inguestlib.families.tools.advisories import osv, rows, y2022, y2023, y2025
from inguestlib.families.tools.advisories.matching import needs_update
from inguestlib.record import record

__all__ = ["SHIPPED", "Advisories", "Advisory", "chosen", "merged", "needs_update"]

SHIPPED = (*y2022.ADVISORIES, *y2023.ADVISORIES, *y2025.ADVISORIES)


@record
class Advisory:
    """What is known of one vulnerability, from all objects that speak of it.

    id
        The CVE, or the object's own id where it names none.
    summary
        For people; may be empty.
    rows
        The rows of ``affected``, a policy's own in the place of the shipped ones of the same
        ecosystem and package.
    said
        ``database_specific: inguest``: ``component`` (``file``: without it on disk the
        vulnerability is not there; ``package``: the sub-package that brings it),
        ``fingerprint`` (``string`` in that file only since the fix; ``measured``: where that
        was seen), ``upstream`` (events of the upstream versions), ``disabled_by`` and
        ``reopened_by`` (keys of tools.conf), ``exploited``, ``vmsa``.
    """

    id: str
    summary: str
    rows: tuple
    said: dict

    @property
    def file(self):
        """The name of the file that holds the vulnerable code, or ``None``."""
        return self.said.get("component", {}).get("file")

    @property
    def fingerprint(self):
        """The text that the file holds only since the fix, or ``None``."""
        return self.said.get("fingerprint", {}).get("string")


@record
class Advisories:
    """The data that a policy chose.

    date
        ``YYYY-MM-DD``: as of when they are complete; ``""`` when there are none.
    source
        For people: where they come from.
    """

    items: tuple[Advisory, ...]
    date: str
    source: str


def chosen(params):
    """The :class:`Advisories` of ``policy["advisories"]``."""
    mine = [obj for obj in params["data"] if not obj.get("withdrawn")]
    if params["mode"] == "replace":
        date = (params["date"] or "")[:10] or osv.newest(mine)
        return Advisories(merged(mine), date, "the policy")
    if not mine and not params["data"] and not params["date"]:
        return _shipped()
    withdrawn = {cve for obj in params["data"] if obj.get("withdrawn") for cve in osv.about(obj)}
    kept = [obj for obj in SHIPPED if not withdrawn & set(osv.about(obj))]
    date = max(rows.DATE[:10], (params["date"] or "")[:10])
    return Advisories(merged([*kept, *mine]), date, "inguest and the policy")


@lru_cache(maxsize=1)
def _shipped():
    return Advisories(merged(SHIPPED), rows.DATE[:10], "inguest")


def merged(objects):
    """:class:`Advisory` tuples of OSV objects, by id; what comes later counts more."""
    found = {}
    for obj in objects:
        for cve in osv.about(obj):
            summary, table, said = found.setdefault(cve, ["", {}, {}])
            found[cve][0] = summary or obj.get("summary", "")
            named = {_place(row) for row in obj.get("affected", ())}
            for place in named:
                table.pop(place, None)
            for row in obj.get("affected", ()):
                table.setdefault(_place(row), []).append(row)
            said.update(obj.get("database_specific", {}).get("inguest", {}))
    return tuple(
        Advisory(cve, summary, tuple(r for rows_ in table.values() for r in rows_), said)
        for cve, (summary, table, said) in sorted(found.items())
    )


def _place(row):
    return (row["package"]["ecosystem"], row["package"]["name"])
