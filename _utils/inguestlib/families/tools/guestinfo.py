"""tools-guestinfo-no-secrets: what any local user may read through the backdoor holds no secret."""

from inguestlib import schema as s
from inguestlib.families.tools import hostcall, secretscan
from inguestlib.families.tools.installed import needs_vmware
from inguestlib.model import compliant, control, drift, unknown

KEYS = ("guestinfo.userdata", "guestinfo.metadata", "guestinfo.vendordata", "guestinfo.ovfEnv")
REDACTED = "---"  # what cloud-init writes in place of what it took

SCHEMA = {
    "guestinfo_keys": s.ListOf(
        s.Str(pattern=r"guestinfo\.[\w.-]+", wanted="a name such as guestinfo.NAME"),
        unique=True,
        help="further guestinfo variables to look into for secrets",
    )
}


def observe(guest, params):
    """``{variable: {"state", "length", "kinds", "said"}}``: never a value.

    ``state`` is ``absent``, ``redacted``, ``present`` or, where the host gave no answer,
    ``silent``; ``kinds`` are those of :func:`secretscan.kinds`; ``said`` is what was asked, and
    the answer where it is no value.
    """
    seen = {}
    for key in dict.fromkeys([*KEYS, *params["guestinfo_keys"]]):
        answer = hostcall.ask(guest, hostcall.RPC, f"info-get {key}")
        text = hostcall.value(answer)
        one = {"state": "silent", "length": 0, "kinds": [], "said": answer["asked"]}
        if text is None:
            one["said"] = hostcall.shown({**answer, "out": ""})
        elif text.strip() in ("", REDACTED):
            one["state"] = "redacted" if text.strip() else "absent"
        else:
            kinds = set(secretscan.kinds(text)) | set(_packed(text))
            one |= {"state": "present", "length": len(text), "kinds": sorted(kinds)}
        seen[key] = one
    return seen


def _packed(text):
    """What a value holds that is base64 as a whole, with line breaks or without."""
    inner = secretscan.unpacked(text)
    return secretscan.kinds(inner) if inner else []


OBSERVERS = {"guestinfo": observe}


@control(
    id="tools-guestinfo-no-secrets",
    title="guestinfo variables hold no secrets",
    why="Any local user can read them through the backdoor, without any right.",
    severity="high",
    topic="Template management",
    offline=False,
)
@needs_vmware
def guestinfo_no_secrets(facts, policy):
    del policy
    for key, seen in facts["guestinfo"].items():
        yield _judge(key, seen)


def _judge(key, seen):
    if seen["state"] == "silent":
        return unknown(key, "the host gave no answer", evidence=seen["said"])
    state = seen["state"]
    evidence = f"{seen['said']}: {state}"
    if state == "present":
        evidence += f", {seen['length']} characters, " + (
            f"with what looks like: {', '.join(seen['kinds'])}"
            if seen["kinds"]
            else "no secret seen"
        )
    if not seen["kinds"]:
        return compliant(key, state, "no secret", evidence=evidence)
    note = (
        f"take it out of the virtual machine's settings ({key}), or let cloud-init do it by redact "
        f"in its metadata; until the next power-on: vmware-rpctool 'info-set {key} {REDACTED}'"
    )
    return drift(key, seen["kinds"], "no secret", evidence=evidence, comment=note)


CONTROLS = (guestinfo_no_secrets,)
