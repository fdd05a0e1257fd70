"""What containers on the guest ask: Docker's, Podman's and the kubelet's setting of resolvers."""

import re

from inguestlib.changes import Edit, File
from inguestlib.command import GuestError
from inguestlib.families.dns import address, jsonfile
from inguestlib.families.dns.drafts import Draft, evidence
from inguestlib.model import compliant, control, drift, not_applicable, unknown

DOCKER = "/etc/docker/daemon.json"
PODMAN = ("/usr/share/containers/containers.conf", "/etc/containers/containers.conf")
KUBELET = "/var/lib/kubelet/config.yaml"
KUBELET_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
UPLINK = "/run/systemd/resolve/resolv.conf"  # resolved's real servers, without its stub
STUB = "127.0.0.53"

_QUOTED = re.compile(r"""["']([^"']*)["']""")


# ---- reading -----------------------------------------------------------------------------


def observe(guest, params):
    """``{"docker", "podman", "kubelet", "resolv"}``; ``None`` for an engine that is not here."""
    return {
        "docker": _docker(guest),
        "podman": _podman(guest),
        "kubelet": _kubelet(guest),
        "resolv": nameservers(guest, "/etc/resolv.conf"),
    }


def nameservers(guest, path):
    """The nameservers of a resolv.conf, as directives."""
    found = []
    for number, line in guest.lines(path):
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            parts = [[number, line, 0, len(line)]]
            found.append({"option": words[0], "value": words[1], "path": path, "parts": parts})
    return found


def _docker(guest):
    if not any(guest.exists(p) for p in ("/usr/bin/dockerd", "/usr/sbin/dockerd", DOCKER)):
        return None
    try:
        text = guest.read(DOCKER)
        setting = jsonfile.locate(text, DOCKER, ("dns",)) if (text or "").strip() else None
    except (jsonfile.JsonError, GuestError) as exc:
        return {"setting": None, "exists": True, "error": str(exc)}
    return {"setting": setting, "exists": setting is not None, "error": ""}


def _podman(guest):
    if not any(guest.exists(p) for p in ("/usr/bin/podman", PODMAN[1])):
        return None
    paths = [*PODMAN, *guest.glob("/etc/containers/containers.conf.d/*.conf")]
    found, sections = None, []
    for path in paths:
        text = guest.read(path)
        if text is not None:
            setting, head = toml_list(text, path, "containers", "dns_servers")
            found = setting or found
            sections.append({"path": path, "head": head})
    main = next((s for s in sections if s["path"] == PODMAN[1]), None)
    return {"setting": found, "main": main}


def toml_list(text, path, section, key):
    """``(directive or None, head or None)`` of a list of strings in a TOML file; pure.

    ``directive["values"]`` are its strings; ``head`` is a directive of the section's line.
    """
    here, found, head, opened = "", None, None, False
    for number, line in enumerate(text.split("\n"), 1):
        body = _bare(line)
        if opened:
            found["parts"].append([number, line, 0, len(body)])
            found["values"] += _QUOTED.findall(body)
            opened = "]" not in body
            continue
        stripped = body.strip()
        if stripped.startswith("[") and stripped.endswith("]") and "=" not in stripped:
            here = stripped.strip("[]").strip()
            if here == section:
                parts = [[number, line, 0, len(body)]]
                head = {"option": here, "value": "", "path": path, "parts": parts}
            continue
        name, equals, value = body.partition("=")
        if equals and here == section and name.strip() == key:
            parts = [[number, line, len(body) - len(body.lstrip()), len(body)]]
            found = {"option": key, "value": "", "path": path, "parts": parts}
            found["values"] = _QUOTED.findall(value)
            opened = "[" in value and "]" not in value
    return found, head


def _bare(line):
    """The line without its comment and trailing space; a ``#`` in quotes is none."""
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#":
            return line[:at].rstrip()
    return line.rstrip()


def _kubelet(guest):
    if not guest.exists(KUBELET):
        return None
    found = None
    for number, line in guest.lines(KUBELET):
        key, colon, value = line.partition(":")
        if colon and key == "resolvConf":
            parts = [[number, line, 0, len(line)]]
            value = value.partition(" #")[0].strip().strip("\"'")
            found = {"option": key, "value": value, "path": KUBELET, "parts": parts}
    for number, line in guest.lines(KUBELET_FLAGS):
        for flag in re.findall(r"--resolv-conf[= ]\s*([^\s\"']+)", line):
            parts = [[number, line, 0, len(line)]]
            found = {
                "option": "--resolv-conf",
                "value": flag,
                "path": KUBELET_FLAGS,
                "parts": parts,
            }
    target = found["value"] if found else "/etc/resolv.conf"
    return {
        "setting": found,
        "target": target,
        "servers": nameservers(guest, target) if target.startswith("/") else [],
        "exists": target.startswith("/") and guest.exists(target),
        "uplink": guest.exists(UPLINK) or guest.exists("/usr/lib/systemd/systemd-resolved"),
    }


# ---- judging -----------------------------------------------------------------------------


@control(
    id="dns-container-resolvers",
    title="Containers inherit approved resolvers",
    why="A container engine with resolvers of its own takes every workload past internal DNS.",
    severity="medium",
    topic="Restrict DNS to internal, managed servers",
    references={},
    enforceable="yes",
    tier=2,
)
def container_resolvers(facts, policy):
    seen, approved = facts["containers"], list(policy["servers"])
    if seen["docker"]:
        yield _docker_judged(seen["docker"], seen["resolv"], approved)
    if seen["podman"]:
        yield _podman_judged(seen["podman"], approved)
    if seen["kubelet"]:
        yield _kubelet_judged(seen["kubelet"], approved)
    if not any((seen["docker"], seen["podman"], seen["kubelet"])):
        yield not_applicable("container engines", "neither Docker nor Podman nor a kubelet is here")


def _bad(words, approved):
    parsed = [(word, address.parse(str(word))) for word in words]
    # The loopback is no excuse here: the host's is not that of a container.
    return [
        w for w, server in parsed if server is None or not address.is_approved(server, approved)
    ]


def _plain(approved):
    return [address.parse(spec)["address"] for spec in approved]


def _docker_judged(docker, resolv, approved):
    if docker["error"]:
        return unknown(DOCKER, docker["error"])
    setting = docker["setting"]
    if setting and not setting["shown"]:
        return unknown(DOCKER, "its line may hold a credential: it has to be checked by hand")
    value = setting["value"] if setting and setting["at"] else None
    if value:
        words = value if isinstance(value, list) else [value]
        bad = _bad(words, approved)
        said = evidence([setting["at"]])
        if not bad:
            return compliant(DOCKER, words, approved, evidence=said)
        observed = words
    else:
        # Docker leaves out loopback addresses (it knows resolved's stub and reads what is
        # behind it); when none is left it asks a public resolver that is compiled in.
        servers = [d for d in resolv if d["value"] != STUB]
        parsed = [address.parse(d["value"]) for d in servers]
        lost = bool(servers) and all(p and address.is_loopback(p["address"]) for p in parsed)
        if not lost:
            said = evidence(resolv) or "/etc/resolv.conf names no server"
            said = f"{DOCKER} sets no dns: containers inherit {said}"
            return compliant(DOCKER, "inherited", "approved or inherited", evidence=said)
        observed = ["Docker's compiled-in public resolvers"]
        said = f"{DOCKER} sets no dns and {evidence(servers)} can't be used from a container"
    wanted = _plain(approved)
    if setting:
        changes = jsonfile.set_value(setting, wanted).files()
    else:
        text = '{\n  "dns": [' + ", ".join(f'"{one}"' for one in wanted) + "]\n}\n"
        changes = (File(DOCKER, content=text, mode="0644"),)
    comment = "Docker reads it when it starts again, which is left to you: containers would stop"
    return drift(DOCKER, observed, approved, evidence=said, comment=comment, changes=changes)


def _podman_judged(podman, approved):
    setting, main = podman["setting"], podman["main"]
    if not setting or not setting["values"]:
        path = setting["path"] if setting else PODMAN[1]
        said = f"{path} sets no dns_servers: containers inherit the host's resolvers"
        return compliant(PODMAN[1], "inherited", "approved or inherited", evidence=said)
    bad = _bad(setting["values"], approved)
    said = evidence([setting])
    if not bad:
        return compliant(setting["path"], setting["values"], approved, evidence=said)
    line = "dns_servers = [" + ", ".join(f'"{one}"' for one in _plain(approved)) + "]"
    draft = Draft()
    if not setting["path"].startswith("/usr/"):
        draft.replace(setting, line)
        changes = draft.files()
    elif main and main["head"]:
        draft.insert_after(main["head"], f"\n{line}")
        changes = draft.files()
    elif main:
        changes = (File(PODMAN[1], edits=(Edit(0, None, f"[containers]\n{line}"),)),)
    else:
        draft.own(PODMAN[1], ["[containers]", line], exists=False)
        changes = draft.files()
    return drift(setting["path"], setting["values"], approved, evidence=said, changes=changes)


def _kubelet_judged(kubelet, approved):
    setting, target = kubelet["setting"], kubelet["target"]
    where = evidence([setting]) if setting else f"{KUBELET} sets no resolvConf: {target}"
    if target == "":
        said = f"{where}: pods get no resolver of the host's"
        return compliant(KUBELET, "none", "approved or inherited", evidence=said)
    words = [d["value"] for d in kubelet["servers"]]
    if not kubelet["exists"]:
        return unknown(KUBELET, f"{target} does not exist now", evidence=where)
    if not words:
        return unknown(KUBELET, f"{target} names no server", evidence=where)
    bad = _bad(words, approved)
    said = f"{where}; {evidence(kubelet['servers'])}"
    if not bad:
        return compliant(KUBELET, words, approved, evidence=said)
    loopback = [w for w in bad if (p := address.parse(w)) and address.is_loopback(p["address"])]
    changes, comment = (), f"{target} belongs to another control"
    if loopback and target != UPLINK and kubelet["uplink"]:
        comment = "the kubelet reads it when it starts again, which is left to you"
        changes = _uplink(setting)
    return drift(KUBELET, words, approved, evidence=said, comment=comment, changes=changes)


def _uplink(setting):
    draft = Draft()
    if setting is None:
        draft.append(KUBELET, [f"resolvConf: {UPLINK}"])
    elif setting["option"] == "resolvConf":
        draft.replace(setting, f"resolvConf: {UPLINK}")
    else:
        text = setting["parts"][0][1]
        number = setting["parts"][0][0]
        new = text.replace(setting["value"], UPLINK)
        return (File(setting["path"], edits=(Edit(number, text, new),)),)
    return draft.files()


SCHEMA = {}
OBSERVERS = {"containers": observe}
CONTROLS = (container_resolvers,)
