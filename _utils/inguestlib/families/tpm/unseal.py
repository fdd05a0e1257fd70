"""Whether what is sealed to the TPM unseals now: it is tried, and the key goes nowhere.

cryptsetup and clevis do it, as they would at a boot. The passphrase that clevis gives goes through
a pipe to cryptsetup, which says whether it opens the key slot; nobody else sees it.
"""

_PLUGINS = ("/usr/lib/*/cryptsetup", "/usr/lib64/cryptsetup", "/usr/lib/cryptsetup")
_TIMEOUT = 120  # seconds: a slow TPM, and the key slot's own derivation
_CLEVIS = (
    'clevis luks pass -d "$0" -s "$1" 2>/dev/null | '
    'cryptsetup open --test-passphrase --batch-mode --key-slot "$1" --key-file - "$0"'
)


def attempt(guest, token):
    """``{"result", "why", "evidence"}`` of one of the ``sealed`` tokens.

    ``result`` is ``opens``, ``fails``, or ``not tried``; then ``why`` tells.
    """
    why = _why_not(guest, token)
    if why:
        return {"result": "not tried", "why": why, "evidence": ""}
    device, number = token["device"], str(token["id"])
    if token["type"] == "clevis":
        rows = [("sh", "-c", _CLEVIS, device, str(slot)) for slot in token["keyslots"]]
        shown = f"clevis luks pass -d {device} -s {token['keyslots'][0]}"
    else:
        argv = ("cryptsetup", "open", "--test-passphrase", "--token-only", "--token-id", number)
        rows = [(*argv, "--token-type", token["type"], device)]
        shown = " ".join(rows[0])
    for argv in rows:
        try:
            answer = guest.ask(argv, timeout=_TIMEOUT)
        except OSError as exc:
            return {"result": "not tried", "why": str(exc), "evidence": ""}
        if answer.rc:
            lines = answer.err.strip().splitlines()
            said = f": {lines[-1]}" if lines else ""
            evidence = f"{shown}: exit status {answer.rc}{said}"
            return {"result": "fails", "why": "", "evidence": evidence}
    return {"result": "opens", "why": "", "evidence": f"{shown}: exit status 0"}


def _why_not(guest, token):
    if token["pin"]:
        return "it asks for a PIN, which nobody tries"
    if not token["keyslots"]:
        return "it belongs to no key slot"
    if token["others"]:
        return f"it needs {' and '.join(token['others'])} as well, which would be asked for a key"
    if token["type"] == "clevis":
        return "" if guest.exists("/usr/bin/clevis-luks-pass") else "clevis is not installed"
    name = f"libcryptsetup-token-{token['type']}.so"
    if any(guest.glob(f"{folder}/{name}") for folder in _PLUGINS):
        return ""
    return f"{name} is not installed: cryptsetup can't open it"
