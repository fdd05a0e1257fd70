"""Which volume key a volume has: a token of ours in the header, without a keyslot.

``{"type": "inguest-volume", "keyslots": [], "generation": 2, "machine": "sha256:…", "before":
"sha256:…"}``. It is written before the change: as long as the header's volume key is the one that
``before`` names, the generation is still to come. So it needs no second write, and no record.
"""

from inguestlib import luks
from inguestlib.luks import header as luks_header

TYPE = "inguest-volume"


def state(header):
    """``{"generation", "machine", "coming", "tokens"}`` of a header; ``None`` without a token.

    ``coming``: the volume key of this generation is still to be made. ``tokens``: the ids of all
    our tokens, the one that counts last.
    """
    ours = [t for t in (header or {}).get("tokens", ()) if t["type"] == TYPE]
    if not ours:
        return None
    ours.sort(key=lambda token: (int(token.get("generation") or 1), token["id"]))
    last = ours[-1]
    coming = bool(last.get("before")) and last["before"] == luks.fingerprint(header)
    return {
        "generation": int(last.get("generation") or 1),
        "machine": last.get("machine"),
        "coming": coming,
        "tokens": [token["id"] for token in ours],
    }


def origin(header):
    """The digest of the machine on which the volume key was made, as far as a token tells."""
    found = state(header)
    if found:
        return None if found["coming"] else found["machine"]
    machines = {t.get("machine") for t in (header or {}).get("tokens", ()) if "machine" in t}
    return machines.pop() if len(machines) == 1 else None


def name(job, generation=None, machine=None, before=None):
    """Write the token, in place of older ones."""
    path = job.path()
    token = {"type": TYPE, "keyslots": [], "generation": generation or job.declared["volume_key"]}
    token["machine"] = machine or job.keys.machine
    if not token["machine"]:
        del token["machine"]
    if before:
        token["before"] = before
    old = (state(luks_header.read(path)) or {"tokens": []})["tokens"]
    job.tool.import_token(path, token)
    job.step("volume key: named")
    for number in old:
        job.tool.remove_token(path, number)
