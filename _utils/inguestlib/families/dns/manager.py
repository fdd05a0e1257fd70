"""The control on the components that want to own DNS: one of them does."""

from inguestlib.changes import HEADER, File
from inguestlib.families.dns import cure
from inguestlib.families.dns.owners import networkmanager
from inguestlib.model import compliant, control, drift

OWN = "/etc/NetworkManager/conf.d/zz-inguest-mode.conf"


@control(
    id="dns-manager-mode",
    title="Exactly one component owns DNS configuration",
    why="Two writers of one file undo each other, and the resolvers change with who was last",
    severity="low",
    topic="Restrict DNS to internal, managed servers",
    references={
        "stig": ["RHEL-09-252040"],
        "nist_800_53": ["CM-6(b)"],
        "complianceascode": ["networkmanager_dns_mode"],
    },
    enforceable="yes",
    tier=2,
)
def manager_mode(facts, policy):
    """Who may write /etc/resolv.conf, and that NetworkManager's part in it is said."""
    owner = facts["owner"]
    others = _writers(facts)
    shown = f"{owner['why']}; present: {', '.join(owner['managers']) or 'no manager'}"
    rivals = sorted(set(others) - {owner["owner"]})
    if rivals and owner["owner"] != "container":
        yield drift(
            "/etc/resolv.conf",
            sorted({owner["owner"], *rivals}),
            [owner["owner"]],
            evidence=shown,
            comment=f"{', '.join(rivals)} may write it as well: remove or disable one of them",
        )
    else:
        yield compliant("/etc/resolv.conf", owner["owner"], evidence=shown)
    if "networkmanager" in owner["managers"]:
        yield _mode(facts, owner)


def _writers(facts):
    """Components that would replace the file's content at their next change."""
    present = facts["owner"]["managers"]
    writers = [name for name in present if name in ("resolvconf", "netconfig")]
    if "networkmanager" in present and "netconfig" not in present:
        main = facts["networkmanager"]["main"]
        # A link to resolved's files makes NetworkManager hand over by itself.
        handed_over = facts["owner"]["owner"] == "resolved" or "resolvconf" in present
        if networkmanager.writes_resolv_conf(main) and not handed_over:
            writers.append("networkmanager")
    if "dhclient" in present and not writers:
        writers.append("dhclient")
    return writers


def _mode(facts, owner):
    section = facts["networkmanager"]
    said = section["main"]["dns"]
    if said:
        shown = f"{said['path']}:{said['line']} dns={said['value']}"
        wrong = said["value"] == "none" and owner["owner"] == "networkmanager"
        if not wrong:
            return compliant("NetworkManager dns=", said["value"], evidence=shown)
    else:
        shown = "no file of NetworkManager's configuration sets dns= in [main]"
    mode = {"resolved": "systemd-resolved", "static": "none"}.get(owner["owner"], "default")
    if owner["owner"] == "static" and owner["mode"] == "link":
        return drift("NetworkManager dns=", None, "an explicit mode", evidence=shown)
    content = f"{HEADER}\n[main]\ndns={mode}\n"
    changes = (File(OWN, content=content, mode="0644"),)
    known, _ = cure.sections(facts)
    changes += cure.live(facts, cure.reload("networkmanager", known))
    return drift(
        "NetworkManager dns=",
        said["value"] if said else None,
        mode,
        evidence=shown,
        comment="left to NetworkManager's guess, the mode changes with what else is installed",
        changes=changes,
    )
