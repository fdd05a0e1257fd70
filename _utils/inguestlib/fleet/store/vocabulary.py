"""The controls that the store knows, each with its place in the vectors of verdicts."""

from sqlalchemy import insert, select

from inguestlib.fleet.store.database import CONTROLS
from inguestlib.fleet.store.tables import controls


def positions(connection, database, taken):
    """``{control: place}`` with the controls of these messages, which are added where they miss."""
    known = _known(connection)
    missing = _missing(taken, known)
    if missing:
        database.hold(connection, CONTROLS)
        known = _known(connection)  # another master may have been here first
        missing = _missing(taken, known)
    if missing:
        declared = _declared()
        rows = []
        for name in sorted(missing):
            family, severity = missing[name]
            title = ""
            if name in declared:
                family, title, severity = declared[name]
            known[name] = len(known)
            rows.append(
                {
                    "id": known[name],
                    "name": name,
                    "family": family,
                    "title": title,
                    "severity": severity,
                }
            )
        connection.execute(insert(controls), rows)
    return known


def _known(connection):
    return dict(map(tuple, connection.execute(select(controls.c.name, controls.c.id))))


def _missing(taken, known):
    out = {}
    for host in taken:
        for said, _moment, _seen in host.said:
            if said.controls.difference(known):
                for finding in said.findings:
                    if finding["control"] not in known:
                        out[finding["control"]] = (finding["family"], finding["severity"])
    return out


def _declared():
    """What this master's library says of the controls; a guest may know others."""
    from inguestlib.families import all_families

    return {
        control.id: (family.name, control.title, control.severity)
        for family in all_families().values()
        for control in family.controls
    }
