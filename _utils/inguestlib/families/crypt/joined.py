"""The encrypted volumes of a guest: header, mapping, line of crypttab and declaration as one."""

from typing import NamedTuple

from inguestlib.families.crypt import headers, stack, tables
from inguestlib.model import not_applicable


class Volume(NamedTuple):
    """One encrypted volume, with whatever is known of it.

    ``path`` is that of its header, ``mapping`` the kernel's name of the open mapping, ``row`` its
    line of crypttab, ``declared`` what the policy says, ``error`` why no header could be read.
    """

    name: str
    path: str | None = None
    header: dict | None = None
    error: str = ""
    mapping: str | None = None
    row: dict | None = None
    declared: dict | None = None


def volumes(facts, policy):
    """All :class:`Volume` of a guest, joined by device; swap of a random key is none. Pure."""
    found, names = [], set()
    for volume in _volumes(facts, policy):
        if volume.name in names:  # crypttab means another device than the one that is open
            where = volume.path or (volume.row and tables.CRYPTTAB) or volume.mapping
            volume = volume._replace(name=f"{volume.name} ({where})")
        names.add(volume.name)
        found.append(volume)
    return found


def _volumes(facts, policy):
    devices, mappings = facts["stack"]["devices"], stack.mappings(facts)
    rows, left = {}, []
    for row in tables.kept(facts):
        at = headers.of_volume(facts, row)
        if at:
            rows[at[0]] = row
        else:
            left.append(row)
    declared = {}
    for name, volume in policy["volumes"].items():
        if at := stack.found(facts, volume["device"]):
            declared[at[0]] = name
    opened = set()
    for path, entry in facts["headers"].items():
        row, name = rows.get(path), declared.get(entry["device"])
        mapping = _above(mappings, entry)
        if entry["header"] is None and not (row or name or mapping):
            continue  # something that could not be read, and that nothing calls encrypted
        opened.add(mapping)
        if row is None and mapping and entry["header"] is None:
            # Nothing but the name is left to go by.
            row = next((r for r in left if r["name"] == devices[mapping]["dm_name"]), None)
            left = [r for r in left if r is not row]
        at = row["name"] if row else devices[mapping]["dm_name"] if mapping else name
        known = name or (at if at in policy["volumes"] else None)
        yield Volume(
            at or path,
            path,
            entry["header"],
            entry["error"],
            mapping,
            row,
            policy["volumes"].get(known),
        )
    for mapping, device in mappings.items():
        if mapping not in opened and not _temporary(facts, device):
            row = next((r for r in left if r["name"] == device["dm_name"]), None)
            left = [r for r in left if r is not row]
            said = policy["volumes"].get(device["dm_name"])
            yield Volume(device["dm_name"], mapping=mapping, row=row, declared=said)
    for row in left:
        yield Volume(row["name"], row=row, declared=policy["volumes"].get(row["name"]))


def _above(mappings, entry):
    """The mapping that was opened by a header: by its device, or by its UUID where detached."""
    for name, device in mappings.items():
        uuid = stack.luks_uuid(device)
        ours = entry["header"] and uuid and uuid == entry["header"]["uuid"].lower()
        if entry["device"] in device["below"] or (entry["device"] is None and ours):
            return name
    return None


def _temporary(facts, device):
    """Whether a mapping is swap of a random key: it has nothing to be kept."""
    rows = facts["tables"]["crypttab"]
    return any(row["name"] == device["dm_name"] and tables.random_key(row) for row in rows)


def none(facts, resource):
    """The finding where a guest has no encrypted volume."""
    if facts.guest["container"]:
        return not_applicable(resource, "a container has its host's disks")
    looked = "no mapping of dm-crypt, no LUKS header, " if facts.guest["live"] else ""
    return not_applicable(
        resource,
        "no volume is encrypted",
        evidence=f"{looked}no volume in {tables.CRYPTTAB}",
    )
