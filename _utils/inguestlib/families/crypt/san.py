"""iSCSI and NVMe over TCP: whether a target and this guest prove to each other who they are.

No password is read: of each setting only whether it is there.
"""

from inguestlib.model import compliant, drift

_NODES = ("/var/lib/iscsi/nodes", "/etc/iscsi/nodes")
_SESSIONS = "/sys/class/iscsi_session"
_NVME = "/sys/class/nvme"
_AUTH = "node.session.auth."


def iscsi(guest):
    """``{"nodes": [{"target", "path", "chap", "mutual"}], "sessions": [{"target", "chap",
    "mutual"}]}``: the targets that are recorded, and those that are logged in.
    """
    return {"nodes": list(_nodes(guest)), "sessions": list(_sessions(guest))}


def _nodes(guest):
    for folder in _NODES:
        for target in guest.listdir(folder):
            for portal in guest.listdir(f"{folder}/{target}"):
                path = f"{folder}/{target}/{portal}"
                for file in [f"{path}/{n}" for n in guest.listdir(path)] or [path]:
                    yield {"target": target, "path": file, **_record(guest, file)}


def _record(guest, path):
    values = {}
    for _number, text in guest.lines(path):
        key, found, value = text.partition("=")
        if found and key.strip().startswith(_AUTH):
            values[key.strip()[len(_AUTH) :]] = value.strip()
    chap = values.get("authmethod") == "CHAP"
    return {"chap": chap, "mutual": chap and values.get("username_in", "") not in ("", "<NULL>")}


def _sessions(guest):
    for name in guest.listdir(_SESSIONS):
        base = f"{_SESSIONS}/{name}"
        users = [_text(guest, f"{base}/{which}") for which in ("username", "username_in")]
        chap, mutual = (user not in ("", "<NULL>", "(null)") for user in users)
        target = _text(guest, f"{base}/targetname")
        yield {"target": target, "chap": chap, "mutual": chap and mutual}


def nvme(guest):
    """``[{"name", "address", "subsystem", "tls"}]`` of the controllers that are reached by TCP."""
    found = []
    for name in guest.listdir(_NVME):
        base = f"{_NVME}/{name}"
        if _text(guest, f"{base}/transport") == "tcp":
            found.append(
                {
                    "name": name,
                    "address": _text(guest, f"{base}/address"),
                    "subsystem": _text(guest, f"{base}/subsysnqn"),
                    "tls": bool(_text(guest, f"{base}/tls_key")),  # the number of a key, no key
                }
            )
    return found


def _text(guest, path):
    return (guest.read(path) or "").strip()


def judge(seen, params, allowed):
    """The findings about both. ``allowed(params, *names)`` gives the policy's exception."""
    for node in seen["iscsi"]["nodes"]:
        yield _chap(node["path"], node, params, f"{node['path']}: {_said(node)}", allowed)
    for session in seen["iscsi"]["sessions"]:
        evidence = f"{_SESSIONS}: {session['target']}, {_said(session)}"
        yield _chap(f"session with {session['target']}", session, params, evidence, allowed)
    for one in seen["nvme"]:
        yield _tls(one, params, allowed)


def _said(node):
    return "mutual CHAP" if node["mutual"] else "CHAP one way" if node["chap"] else "no CHAP"


def _chap(resource, node, params, evidence, allowed):
    expected = "mutual CHAP" if params["mutual_chap"] else "CHAP"
    good = node["mutual"] if params["mutual_chap"] else node["chap"]
    pattern = allowed(params, node["target"])
    if good or pattern:
        comment = "" if good else f"the policy allows {pattern}"
        return compliant(resource, _said(node), expected, evidence=evidence, comment=comment)
    comment = (
        "set node.session.auth.* for this target on both sides; the names and secrets are the "
        "storage's to give. CHAP proves who it is and encrypts nothing: keep iSCSI on a network "
        "of its own"
    )
    return drift(resource, _said(node), expected, evidence=evidence, comment=comment)


def _tls(one, params, allowed):
    resource = f"{one['name']} over TCP"
    evidence = f"{_NVME}/{one['name']}: {one['address']}, {'tls_key' if one['tls'] else 'no TLS'}"
    pattern = allowed(params, one["subsystem"], one["address"], one["name"])
    if one["tls"] or pattern:
        comment = "" if one["tls"] else f"the policy allows {pattern}"
        return compliant(resource, one["tls"], True, evidence=evidence, comment=comment)
    comment = "connect it by nvme connect --tls; the storage has to know the same key"
    return drift(resource, "no TLS", "TLS", evidence=evidence, comment=comment)
