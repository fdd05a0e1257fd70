"""proxy-daemon-absent: no proxy and no tunnel runs on a workload, but those it is there for."""

import os.path

from inguestlib.changes import Package
from inguestlib.command import GuestError
from inguestlib.model import compliant, control, drift, unknown

SCHEMA = {}
CONTROL = "proxy-daemon-absent"

# {package or program: unit}; what a distribution's package of the name brings
PROGRAMS = {
    "squid": "squid.service",
    "squid-openssl": "squid.service",
    "tinyproxy": "tinyproxy.service",
    "privoxy": "privoxy.service",
    "3proxy": "3proxy.service",
    "haproxy": "haproxy.service",
    "stunnel": "stunnel.service",
    "stunnel4": "stunnel4.service",
    "dante-server": "danted.service",
    "microsocks": "microsocks.service",
    "shadowsocks-libev": "shadowsocks-libev.service",
    "redsocks": "redsocks.service",
    "mitmproxy": "",
    "sshuttle": "",
    "tor": "tor.service",
    "ngrok": "ngrok.service",
    "cloudflared": "cloudflared.service",
    "frp": "",
    "frpc": "frpc.service",
    "frps": "frps.service",
    "chisel": "",
    "rathole": "",
    "gost": "",
    "v2ray": "v2ray.service",
    "xray": "xray.service",
}
# Names under which they run, where it is another one.
_RUNNING = {"stunnel3": "stunnel", "stunnel5": "stunnel", "danted": "dante-server",
            "sockd": "dante-server", "ss-local": "shadowsocks-libev", "mitmdump": "mitmproxy",
            "mitmweb": "mitmproxy", "(squid-1)": "squid"}  # fmt: skip
_PLACES = ("/usr/local/bin", "/usr/local/sbin", "/opt")
# ssh(1) options with a value: what follows one of them is not another option
_WITH_VALUE = "BbcDEeFIiJLlmOopQRSWw"


def observe(guest, params=None):
    """``{"packages", "files", "processes", "tunnels", "packages_error"}``.

    ``packages``: ``{name: version}``. ``files``: paths of programs that no package brought.
    ``processes``: ``[{"program", "pid", "unit"}]``. ``tunnels``: ssh processes that forward,
    ``[{"pid", "option", "unit"}]``.
    """
    packages, error = {}, ""
    try:
        packages = {n: guest.packages[n].version for n in PROGRAMS if n in guest.packages}
    except GuestError as exc:
        error = str(exc)
    files = [f"{folder}/{name}" for folder in _PLACES for name in guest.listdir(folder)
             if name in PROGRAMS and not guest.is_dir(f"{folder}/{name}")]  # fmt: skip
    processes, tunnels = [], []
    for process in guest.processes:
        if process.contained:
            continue
        name = os.path.basename(process.exe or "").removesuffix(" (deleted)")
        name = name if name in PROGRAMS or name in _RUNNING else process.name
        name = _RUNNING.get(name, name)
        if name in PROGRAMS:
            processes.append({"program": name, "pid": process.pid, "unit": process.unit})
        elif name in ("ssh", "autossh"):
            option = forwards(process.argv)
            if option:
                tunnels.append({"pid": process.pid, "option": option, "unit": process.unit})
    return {
        "packages": packages,
        "files": files,
        "processes": sorted(processes, key=_by_unit),
        "tunnels": sorted(tunnels, key=_by_unit),
        "packages_error": error,
    }


def _by_unit(row):
    return (row["unit"] or "", row.get("program") or row.get("option"), row["pid"])


def forwards(argv):
    """``-D`` or ``-R`` where an ssh command line opens a proxy or a way in, else ``""``."""
    words = iter(argv[1:])
    for word in words:
        if word == "--" or not word.startswith("-"):
            return ""
        for at, letter in enumerate(word[1:], 1):
            if letter in "DR":
                return f"-{letter}"
            if letter in _WITH_VALUE:
                value = word[at + 1 :] or next(words, "")
                name = value.partition("=")[0].strip().lower()
                if letter == "o" and name.split(" ")[0] in ("dynamicforward", "remoteforward"):
                    return f"-o {value.split('=')[0].split(' ')[0]}"
                break
    return ""


OBSERVERS = {"daemons": observe}


@control(
    id=CONTROL,
    title="No proxy or tunnel daemon runs on a workload",
    why="A proxy or a tunnel on the guest lets others out, or in, past all that filters traffic",
    severity="medium",
    topic="Proxy server for filtering and inspecting web traffic",
    references={
        "cis": [
            "CIS debian12 2.1.17",
            "CIS rhel9 2.1.17",
            "CIS sle15 2.2.14",
            "CIS ubuntu2404 2.1.17",
        ],
        "complianceascode": ["package_squid_removed", "service_squid_disabled"],
    },
    enforceable="partial",
    tier=2,
)
def daemon_absent(facts, policy):
    seen, allowed = facts["daemons"], set(policy["daemons"]["allowed"])
    running = {}
    for one in seen["processes"]:
        running.setdefault(one["program"], one)
    names = dict.fromkeys([*seen["packages"], *running])
    for name in names:
        told, process = [], ""
        if name in seen["packages"]:
            told.append(f"package {name} {seen['packages'][name]}")
        if name in running:
            one = running[name]
            told.append("a process" + (f" of {one['unit']}" if one["unit"] else ""))
            process = f", pid {one['pid']}"
        said = f"{name}: {', '.join(told)}{process}"
        if name in allowed:
            yield compliant(name, told, "allowed", evidence=said)
        else:
            changes, comment = _removal(name, facts, policy)
            yield drift(name, told, "absent", evidence=said, comment=comment, changes=changes)
    for path in seen["files"]:
        name = os.path.basename(path)
        verdict, expected = (compliant, "allowed") if name in allowed else (drift, "absent")
        yield verdict(path, "present", expected, evidence=f"{path} is there")
    for one in seen["tunnels"]:
        by = f" of {one['unit']}" if one["unit"] else ""
        verdict, expected = (compliant, "allowed") if "ssh" in allowed else (drift, "absent")
        said = f"process {one['pid']}{by} is ssh {one['option']}"
        yield verdict(f"ssh {one['option']}{by}", "runs", expected, evidence=said)
    if seen["packages_error"]:
        yield unknown("packages", seen["packages_error"])
    elif not (names or seen["files"] or seen["tunnels"]):
        what = "no such package is installed" + (
            " and no such process runs" if facts.guest["live"] else ""
        )
        yield compliant("proxies and tunnels", [], "absent", evidence=what)


def _removal(name, facts, policy):
    """``(changes, comment)``: its package goes, on a live guest and where the policy says so."""
    if name not in facts["daemons"]["packages"]:
        return (), "it is of no package: remove it by hand, or name it in daemons:allowed"
    if not policy["daemons"]["remove"]:
        return (), "set inguest:proxy:daemons:remove to have its package removed"
    if not facts.guest["live"]:
        return (), "a package is removed from a running guest only"
    return (Package(name, installed=False),), ""


CONTROLS = (daemon_absent,)
