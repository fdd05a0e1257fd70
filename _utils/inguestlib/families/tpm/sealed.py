"""tpm-sealed-keys: what is sealed to the TPM is bound to the boot, and unseals."""

from inguestlib import schema as s
from inguestlib.families.crypt import headers
from inguestlib.families.tpm import credentials, forecast, policyhash, unseal, upcoming
from inguestlib.families.tpm.where import here
from inguestlib.model import compliant, control, drift, not_applicable, unknown

SCHEMA = {
    "sealed": s.Struct(
        {
            "pcrs": s.ListOf(
                s.Int(None, 0, 23),
                (7,),
                unique=True,
                help="PCRs that each sealed key has to be bound to at least, unless its policy is "
                "signed",
            ),
            "bank": s.Choice(
                ("sha256", "sha384", "sha512"), "sha256", help="the weakest bank that will do"
            ),
        },
        help="what a key has to be bound to that is sealed to the TPM",
    ),
    "unseal": s.Bool(True, help="try whether each sealed key unseals now, where one is sealed"),
    "forecast": s.Bool(
        True, help="look for offered upgrades and boot files that will move a bound PCR"
    ),
}

_STRENGTH = ("sha1", "sm3_256", "sha256", "sha384", "sha512")


def observe(guest, params):
    """``{"tokens": […], "credentials": {…}, "unread": {device: why}, "headers": number}``.

    A token is ``{"device", "uuid", "id", "type", "keyslots", "bound": [{"pcrs", "bank"}, …],
    "pin", "signed", "pcrlock", "policy_hash", "others": […]}``: one of systemd's, or one of
    clevis whose pins need the TPM; ``others`` are what that one needs besides.
    See :func:`credentials.observe`.
    """
    return guest.once(("tpm sealed",), lambda: _sealed(guest, params))


def _sealed(guest, params):
    tokens, unread, count = [], {}, 0
    for path, entry in headers.observe(guest, params).items():
        if entry["header"] is None:
            unread[path] = entry["error"]
            continue
        count += 1
        for token in entry["header"]["tokens"]:
            about = _token(token)
            if about:
                at = {"device": path, "uuid": entry["header"]["uuid"]}
                tokens.append({**at, **about})
    sealed = {} if guest.container else credentials.observe(guest)
    return {"tokens": tokens, "credentials": sealed, "unread": unread, "headers": count}


def _token(token):
    base = {key: token[key] for key in ("id", "type", "keyslots")}
    if token["type"] == "systemd-tpm2":
        return {
            **base,
            "bound": [{"pcrs": token["pcrs"], "bank": token["bank"]}],
            "pin": token["pin"],
            "signed": token["signed"],
            "pcrlock": token["pcrlock"],
            "policy_hash": token["policy_hash"],
            "others": [],
        }
    pins = list(_flat(token.get("pins") or ()))
    bound = [{"pcrs": p["pcrs"], "bank": p["bank"]} for p in pins if p["pin"] == "tpm2"]
    if not bound:
        return None
    others = sorted({p["pin"] for p in pins} - {"tpm2", "sss"})
    more = {"pin": False, "signed": False, "pcrlock": False, "policy_hash": [], "others": others}
    return {**base, "bound": bound, **more}


def _flat(pins):
    for pin in pins:
        yield pin
        yield from _flat(pin.get("pins") or ())


def name(token):
    """How findings and the probe call a token."""
    return f"{token['device']} token {token['id']}"


def observe_unseal(guest, params):
    """``{"<device> token <id>": {"result", "why", "evidence"}}``; see :func:`unseal.attempt`."""
    if not here(guest):
        return {}
    tokens = observe(guest, params)["tokens"]
    if not params["unseal"]:
        off = {"result": "not tried", "why": "inguest:tpm:unseal is false", "evidence": ""}
        return {name(token): off for token in tokens}
    return {name(token): unseal.attempt(guest, token) for token in tokens}


def observe_forecast(guest, params):
    """``{"offered", "changed", "error"}``: see :func:`upcoming.observe`; ``None``: not looked."""
    if not (params["forecast"] and here(guest)):
        return None
    tokens = observe(guest, params)["tokens"]
    if not any(part["pcrs"] for token in tokens for part in token["bound"]):
        return None
    return upcoming.observe(guest)


OBSERVERS = {"sealed": observe, "unseal": observe_unseal, "forecast": observe_forecast}


@control(
    id="tpm-sealed-keys",
    title="Keys sealed to the TPM are inventoried and policy-bound",
    why="A key that is bound to nothing opens for any system that is booted on this machine.",
    severity="medium",
    topic="Workloads can use a virtual TPM 2.0",
    enforceable="no",
    tier=1,
)
def sealed_keys(facts, policy):
    if facts.guest["container"]:
        yield not_applicable("sealed keys", "a container has its host's TPM and disks")
        return
    seen = facts["sealed"]
    for path, why in seen["unread"].items():
        yield unknown(path, f"whether a key is sealed in it can't be read: {why}")
    for token in seen["tokens"]:
        yield _binding(token, policy["sealed"])
        if facts.guest["live"]:
            yield _now(token, facts)
            yield from _later(token, facts)
    for path, found in seen["credentials"].items():
        yield _credential(path, found, policy["sealed"])
    if not seen["tokens"] and not seen["credentials"] and not seen["unread"]:
        where = ", ".join(credentials.FOLDERS)
        evidence = f"{seen['headers']} LUKS headers: no token of a TPM; {where}: empty"
        yield not_applicable("sealed keys", "nothing is sealed to a TPM", evidence=evidence)


# ---- what it is bound to -------------------------------------------------------------------


def _weak(bound, params):
    """What is wrong with ``{"pcrs", "bank"}``, in words, or ``""``."""
    bank = bound["bank"]
    if not bound["pcrs"]:
        return "it is bound to no PCR: it opens whatever is booted"
    missing = [str(n) for n in params["pcrs"] if n not in bound["pcrs"]]
    if missing:
        return f"it is not bound to PCR {', '.join(missing)}"
    if _STRENGTH.index(bank) < _STRENGTH.index(params["bank"]) if bank in _STRENGTH else True:
        return f"it is bound to bank {bank}"
    return ""


def _binding(token, params):
    resource = f"binding of {name(token)}"
    shown = "; ".join(f"PCR {_pcrs(part['pcrs'])} of {part['bank']}" for part in token["bound"])
    more = [word for word in ("pin", "signed", "pcrlock") if token[word]]
    evidence = f"LUKS header {token['uuid']}, token {token['id']} ({token['type']}): {shown}"
    evidence += f", {', '.join(more)}" if more else ""
    observed = {"bound": token["bound"], **dict.fromkeys(more, True)}
    expected = f"PCR {_pcrs(params['pcrs'])} of {params['bank']}, or a signed policy"
    # A policy that is signed, or kept by systemd-pcrlock, names the values of PCRs itself.
    weak = "" if token["signed"] or token["pcrlock"] else _first_weak(token["bound"], params)
    if weak:
        how = f"{weak}; enrol it again, and keep the old key until the new one has opened it"
        return drift(resource, observed, expected, evidence=evidence, comment=how)
    return compliant(resource, observed, expected, evidence=evidence)


def _first_weak(bound, params):
    return next(filter(None, (_weak(part, params) for part in bound)), "")


def _pcrs(pcrs):
    return ", ".join(map(str, pcrs)) or "none"


def _credential(path, found, params):
    observed = {key: found[key] for key in ("key", "pcrs", "bank", "signed")}
    evidence = f"{path}: key {found['key']}"
    if found["key"] == "unknown":
        return unknown(path, "an encrypted credential of a kind that nobody here knows")
    if found["key"] == "null":
        how = "it is encrypted with no key at all: anybody can read it; encrypt it again"
        return drift(path, observed, "a key", evidence=evidence, comment=how)
    if "tpm2" not in found["key"]:
        said = f"encrypted with {credentials.HOST_KEY}, not sealed to a TPM"
        return compliant(path, observed, evidence=evidence, comment=said)
    evidence += f", PCR {_pcrs(found['pcrs'])} of {found['bank']}"
    weak = "" if found["signed"] else _weak(found, params)
    if weak:
        how = f"{weak}; encrypt it again (systemd-creds encrypt --tpm2-pcrs=)"
        return drift(path, observed, "bound to PCRs", evidence=evidence, comment=how)
    return compliant(path, observed, "bound to PCRs", evidence=evidence)


# ---- whether it opens now ------------------------------------------------------------------


def _now(token, facts):
    resource = f"{name(token)} unseals"
    if not facts["device"]["version"]:
        how = "there is no TPM here that could unseal it: nothing opens by itself at a boot"
        evidence = facts["device"]["evidence"]
        return drift(resource, "no TPM", "opens", evidence=evidence, comment=how, severity="high")
    tried = facts["unseal"].get(name(token))
    tried = tried or {"result": "not tried", "why": "it was not asked for", "evidence": ""}
    holds, changed = _policy(token, facts)
    computed = {True: "the PCRs have the values that it is sealed to", None: ""}.get(
        holds, f"{_changed(changed)}, so it does not unseal"
    )
    if tried["result"] == "opens":
        return compliant(resource, "opens", "opens", evidence=tried["evidence"])
    if tried["result"] == "fails":
        return drift(
            resource,
            {"result": "does not open", "changed": changed},
            "opens",
            evidence=tried["evidence"],
            comment=f"{computed or 'the TPM refuses it'}{_why(holds)}: enrol it again once the "
            "measured state is the one that is meant; until then it takes another key at a boot",
            severity="high",
        )
    if holds is False:
        observed = {"result": "would not open", "changed": changed}
        evidence = "the policy's digest, computed from the PCRs' values"
        how = f"not tried: {tried['why']}; {computed}"
        return drift(resource, observed, "opens", evidence=evidence, comment=how, severity="high")
    if holds:
        evidence = "the policy's digest, computed from the PCRs' values, is the sealed one"
        said = f"not tried: {tried['why']}; {computed}"
        return compliant(resource, "PCRs match", "opens", evidence=evidence, comment=said)
    return unknown(resource, f"not tried: {tried['why']}", expected="opens")


def _why(holds):
    return " all the same: another TPM, or one that was cleared" if holds else ""


def _changed(changed):
    if changed:
        return f"PCR {_pcrs(changed)} was changed since the boot"
    return "a PCR that it is sealed to has another value"


def _policy(token, facts):
    """``(whether its policy holds, the PCRs that changed)``; ``None`` where that can't be known."""
    (bound, *others), hashes = token["bound"], token["policy_hash"]
    if token["signed"] or token["pcrlock"] or others or len(hashes) != 1:
        return None, None
    bank = bound["bank"]
    now = facts["pcrs"]["banks"].get(bank, {})
    log = facts["event_log"]["banks"].get(bank, {})
    return policyhash.match(hashes[0], bank, bound["pcrs"], now, log, token["pin"])


# ---- whether it will open after the next boot ----------------------------------------------


def _later(token, facts):
    """Warnings; nothing where nothing is coming."""
    coming = facts["forecast"]
    bound = {n for part in token["bound"] for n in part["pcrs"]}
    if coming is None or not bound:
        return
    measured = facts["event_log"]["measured"]
    files = forecast.touched(coming["changed"], bound, measured)
    if files:
        pcrs = sorted({n for row in files.values() for n in row})
        shown = "; ".join(f"{path} (PCR {_pcrs(row)})" for path, row in list(files.items())[:8])
        yield drift(
            f"{name(token)} at the next boot",
            {"files": sorted(files), "pcrs": pcrs},
            "the measured files are those of this boot",
            evidence=f"changed since this boot: {shown}",
            comment=f"PCR {_pcrs(pcrs)} will most likely be another at the next boot: have another "
            "key at hand for it, and enrol this one again after it",
        )
    rows = forecast.moved(coming["offered"], bound, measured)
    if rows:
        yield _offered(token, rows, coming["offered"])


def _offered(token, rows, offered):
    names = sorted({row["package"] for row in rows})
    certain = sorted({n for row in rows if row["certain"] for n in row["pcrs"]})
    pcrs = sorted({n for row in rows for n in row["pcrs"]})
    will = "will" if certain else "may"
    shown = "; ".join(
        f"{n}: {offered[n]['installed']} installed, {offered[n]['offered']} offered" for n in names
    )
    why = "; ".join(dict.fromkeys(row["why"] for row in rows))
    return drift(
        f"{name(token)} after an upgrade",
        {"packages": names, "pcrs": pcrs, "certain": certain},
        "no offered upgrade moves a bound PCR",
        evidence=shown,
        comment=f"the upgrade of {', '.join(names)} {will} move PCR {_pcrs(certain or pcrs)} "
        f"({why}): have another key at hand at the boot after it, and enrol this one again then",
        severity="low",
    )


CONTROLS = (sealed_keys,)
