"""What the host answers through the command line tools of VMware Tools, as data.

Exit codes are those of sysexits(3), as measured: see the judges that use them. Outside VMware
every tool refuses before it looks at its arguments.
"""

from inguestlib.command import GuestError
from inguestlib.model import unknown

TIMEOUT = 10  # seconds; a host answers in milliseconds
RPC, TOOLBOX = "vmware-rpctool", "vmware-toolbox-cmd"

_OUTSIDE = "must be run inside a virtual machine"


def ask(guest, *argv):
    """``{"asked", "rc", "out", "err"}``; ``rc`` is ``None`` where nothing could be started.

    Nothing is asked offline, in a container, or where another vendor made the machine.
    """
    line = " ".join(f"'{word}'" if " " in word else word for word in argv)
    if not guest.live or guest.container or guest.hypervisor == "other":
        return {"asked": line, "rc": None, "out": "", "err": "not asked"}
    try:
        answer = guest.ask(argv, TIMEOUT)
    except GuestError as exc:
        return {"asked": line, "rc": None, "out": "", "err": exc.strerror or str(exc)}
    return {"asked": line, "rc": answer.rc, "out": answer.out, "err": answer.err.strip()}


def shown(answer, limit=200):
    """Evidence: the question and its answer."""
    if answer["rc"] is None:
        return f"{answer['asked']}: {answer['err']}"
    text = " ".join(filter(None, [answer["out"].strip(), answer["err"]])).replace("\n", " ")
    text = text if len(text) <= limit else text[: limit - 3] + "..."
    return f"{answer['asked']}: rc {answer['rc']}" + (f", {text}" if text else "")


def silent(resource, answer):
    """The finding where no answer says anything; ``None`` where one does."""
    if answer["rc"] is None:
        return unknown(resource, "the host could not be asked", evidence=shown(answer))
    if _OUTSIDE in answer["err"]:
        return unknown(
            resource, "this is not a VMware guest, or no tool can tell", evidence=shown(answer)
        )
    if answer["rc"] == 77:
        return unknown(resource, "only root may ask", evidence=shown(answer))
    return None


def value(answer):
    """What ``info-get`` gave: a text, ``""`` for no value, ``None`` where the host was silent."""
    if answer["rc"] == 0:
        return answer["out"].removesuffix("\n")
    return "" if answer["rc"] == 1 and "No value found" in answer["err"] else None
