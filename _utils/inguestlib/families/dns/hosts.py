"""``/etc/hosts`` overrides DNS: it holds the guest itself and what the policy approves."""

from inguestlib.families.dns import address
from inguestlib.families.dns.drafts import Draft, evidence
from inguestlib.model import compliant, control, drift
from inguestlib.schema import ListOf, MapOf, Str

HOSTS = "/etc/hosts"
LOCAL = {
    *("localhost", "localhost.localdomain", "localhost4", "localhost4.localdomain4"),
    *("localhost6", "localhost6.localdomain6", "ip6-localhost", "ip6-loopback"),
    *("ipv6-localhost", "ipv6-loopback", "loopback"),
}
# Names that distributions give to IPv6's own addresses.
GROUPS = {
    "fe00::": {"ip6-localnet", "ipv6-localnet"},
    "ff00::": {"ip6-mcastprefix", "ipv6-mcastprefix"},
    "ff02::1": {"ip6-allnodes", "ipv6-allnodes"},
    "ff02::2": {"ip6-allrouters", "ipv6-allrouters"},
    "ff02::3": {"ip6-allhosts", "ipv6-allhosts"},
}
OWN = ("{{fqdn}}", "{{hostname}}", "$fqdn", "$hostname")  # what cloud-init fills in


def parse(text, path):
    """``[directive, …]`` of a hosts file, each with ``address`` and ``names``; a pure function."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        body = line.partition("#")[0]
        words = body.split()
        parsed = address.parse(words[0]) if words else None
        if parsed is None or len(words) < 2:
            continue
        found.append(
            {
                "option": words[0],
                "value": " ".join(words[1:]),
                "address": parsed["address"],
                "names": words[1:],
                "path": path,
                "parts": [[number, line, 0, len(body.rstrip())]],
            }
        )
    return found


def observe(guest, params):
    """``{"files": [{"path", "entries"}, …]}``: the hosts file, and cloud-init's templates of it."""
    paths = [HOSTS, *guest.glob("/etc/cloud/templates/hosts.*.tmpl")]
    return {
        "files": [
            {"path": path, "entries": parse(guest.read(path) or "", path)}
            for path in paths
            if guest.exists(path)
        ]
    }


def allowed(entry, hostname, approved):
    """The names of an entry that may stand; a pure function.

    approved
        ``{address: names}`` of the policy.
    """
    short = hostname.partition(".")[0].lower()
    own = {short, hostname.lower()} - {""}
    where = entry["address"]
    names = set()
    for spec, listed in approved.items():
        parsed = address.parse(spec)
        if parsed and parsed["address"] == where:
            names.update(name.lower() for name in listed)
    names |= GROUPS.get(where, set())
    if address.is_loopback(where):
        names |= LOCAL
    return [
        name
        for name in entry["names"]
        if name.lower() in names | own
        or name in OWN
        or (own and name.lower().partition(".")[0] in own)
    ]


@control(
    id="dns-hosts-file",
    title="/etc/hosts has no unapproved overrides",
    why="An entry redirects update servers or the Salt master past every resolver.",
    severity="medium",
    topic="Restrict DNS to internal, managed servers",
    references={},
    enforceable="yes",
    tier=1,
)
def hosts_file(facts, policy):
    files = facts["hosts"]["files"]
    if not any(file["path"] == HOSTS for file in files):
        yield compliant(HOSTS, [], evidence=f"{HOSTS} does not exist")
    for file in files:
        draft, wrong = Draft(), []
        for entry in file["entries"]:
            good = allowed(entry, facts.guest["hostname"], policy["hosts"])
            if len(good) == len(entry["names"]):
                continue
            wrong.append(entry)
            draft.replace(entry, f"{entry['option']} {' '.join(good)}" if good else "")
        if not wrong:
            said = evidence(file["entries"]) or f"{file['path']} has no entry"
            yield compliant(file["path"], [], evidence=said)
            continue
        yield drift(
            file["path"],
            [f"{entry['option']} {entry['value']}" for entry in wrong[:50]],
            "the guest itself and the policy's hosts",
            evidence=evidence(wrong),
            comment="" if len(wrong) <= 50 else f"{len(wrong)} entries, the first 50 are shown",
            changes=draft.files(),
        )


SCHEMA = {
    "hosts": MapOf(
        ListOf(Str()),
        key_pattern=r"[0-9A-Fa-f:.]+",
        help="address: names that /etc/hosts may hold beside the guest's own",
    ),
}
OBSERVERS = {"hosts": observe}
CONTROLS = (hosts_file,)
