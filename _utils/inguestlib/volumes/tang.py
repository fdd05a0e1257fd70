"""Unlocking by Tang servers, bound and proved with clevis's own programs.

The keyslot's passphrase is ours: clevis encrypts it to the servers, and the token that holds the
result is written as ``clevis luks bind`` writes it. So no shell script is ever handed a key of the
device, nothing is asked (the thumbprint is required), and the slot is chosen and recorded first.
"""

import json

from inguestlib.volumes import VolumeError
from inguestlib.volumes.material import Key, recovery

TIMEOUT = 120
_PARTS = ("protected", "encrypted_key", "iv", "ciphertext", "tag")


def config(declared):
    """``(pin, configuration)`` for clevis of the servers that the policy names."""
    servers = [{"url": s["url"], "thp": s["thumbprint"]} for s in declared["servers"]]
    if not servers:
        raise VolumeError("unlock:tang:servers is empty; name the servers and their thumbprints")
    if declared["threshold"] > len(servers):
        raise VolumeError(
            f"unlock:tang:threshold: {declared['threshold']} servers have to answer, and only "
            f"{len(servers)} are named"
        )
    if len(servers) == 1:
        return "tang", servers[0]
    return "sss", {"t": declared["threshold"], "pins": {"tang": servers}}


def fits(declared, token):
    """Whether a decoded clevis token asks the servers that the policy names, and as many."""
    tang = declared["unlock"]["tang"]
    pins = token.get("pins") or []
    if len(pins) != 1 or not tang["servers"]:
        return False
    pin = pins[0]
    if pin["pin"] == "sss":
        pins, threshold = pin["pins"], pin["threshold"]
    else:
        threshold = 1
    many = len(tang["servers"]) > 1
    if many != (pin["pin"] == "sss") or (many and threshold != tang["threshold"]):
        return False
    if len(pins) != len(tang["servers"]) or any(p["pin"] != "tang" for p in pins):
        return False
    left = list(pins)
    for server in tang["servers"]:
        same = [p for p in left if _same(server, p)]
        if not same:
            return False
        left.remove(same[0])
    return True


def _same(server, pin):
    return pin["url"].rstrip("/") == server["url"].rstrip("/") and (
        server["thumbprint"] in (pin.get("thumbprints") or [pin["thumbprint"]])
    )


def sealed(tool, declared):
    """``(key, token)``: a new passphrase, and the token that has the servers unlock it.

    Raises :class:`VolumeError`: a server doesn't answer, or its signing key has another thumbprint.
    """
    key = recovery()
    pin, about = config(declared)
    try:
        said = tool.run(("clevis", "encrypt", pin, json.dumps(about)), stdin=key, timeout=TIMEOUT)
    except VolumeError as exc:
        urls = ", ".join(s["url"] for s in declared["servers"])
        raise VolumeError(f"Tang at {urls}: {exc}") from None
    parts = said.out.decode("ascii", "replace").strip().split(".")
    if len(parts) != len(_PARTS):
        raise VolumeError("clevis encrypt: gave no JWE")
    return key, {"type": "clevis", "jwe": dict(zip(_PARTS, parts))}


def unlocked(tool, device, token_id):
    """The :class:`Key` that a clevis token gives now, from the servers.

    Raises :class:`VolumeError`: too few of them answer, or none has the key any more.
    """
    jwe = tool.export_token(device, token_id).get("jwe")
    if isinstance(jwe, dict):
        jwe = ".".join(str(jwe.get(part, "")) for part in _PARTS)
    if not isinstance(jwe, str):
        raise VolumeError(f"token {token_id} of {device} holds nothing that clevis could decrypt")
    try:
        said = tool.run(("clevis", "decrypt"), stdin=jwe.encode(), timeout=TIMEOUT)
    except VolumeError as exc:
        raise VolumeError(f"Tang does not unlock token {token_id} of {device}: {exc}") from None
    if not said.out:
        raise VolumeError(f"Tang does not unlock token {token_id} of {device}")
    return Key(said.out, "passphrase that Tang unlocks")
