"""services-unattended-boot: nothing on the way to the default target waits for a person."""

from inguestlib import fstab
from inguestlib import schema as s
from inguestlib.changes import Edit, File, Link, Unit
from inguestlib.families.services import bootfacts, bootloader
from inguestlib.model import compliant, control, drift, not_applicable, unknown

# Without these a guest is of no use, so it may as well stop there: nofail would only start
# services on an empty directory. All other mounts must not hold the boot.
ESSENTIAL = (
    "/boot",
    "/boot/efi",
    "/efi",
    "/home",
    "/tmp",
    "/usr",
    "/var",
    "/var/log",
    "/var/log/audit",
    "/var/tmp",
)
_ENDLESS = ("0", "0s", "infinity")
_TOKENS = ("tpm2-device", "fido2-device", "pkcs11-uri")
_ASKING_SCRIPTS = ("askpass", "decrypt_keyctl", "decrypt_gnupg", "decrypt_opensc", "decrypt_ssl")

SCHEMA = {
    "unattended_boot": s.Struct(
        {
            "enforce": s.Bool(
                False, help="cure drift here too: a wrong fstab or GRUB stops a boot"
            ),
            "essential": s.ListOf(
                s.Str(), ESSENTIAL, help="mounts that the guest needs: they may do without nofail"
            ),
            "fsck_repair": s.Bool(True, help="fsck repairs at boot without asking"),
            "timeout": s.Int(5, 0, 300, help="seconds of GRUB's menu, where it waits forever"),
            "targets": s.ListOf(
                s.Str(pattern=r"[\w@.\\-]+\.target"),
                ("multi-user.target", "graphical.target"),
                1,
                help="default targets that are right; the first is set where another one is",
            ),
        },
        help="what must not wait for a person at boot",
    )
}
OBSERVERS = {
    "mounts": bootfacts.observe_mounts,
    "loader": bootfacts.observe_loader,
    "target": bootfacts.observe_target,
}


@control(
    id="services-unattended-boot",
    title="The guest boots without a human",
    why="vSphere HA restarts a guest at any hour; one that waits at a prompt is down.",
    severity="high",
    topic="vSphere HA restarts workloads on other hosts",
    enforceable="partial",
    tier=1,
)
def unattended_boot(facts, policy):
    params = policy["unattended_boot"]
    found = [*_target(facts, params)]
    if facts.guest["container"]:
        found.append(
            not_applicable(
                "/etc/fstab", "a container mounts nothing by fstab and has no boot loader"
            )
        )
    else:
        mounts = facts["mounts"]
        found += [
            *_mounts(mounts, params, facts.guest["live"]),
            *_volumes(mounts),
            *bootloader.judge(facts, params),
        ]
    for finding in found:
        yield _held_back(finding) if finding.changes and not params["enforce"] else finding


def _held_back(finding):
    note = "audited only; inguest:services:unattended_boot:enforce: true would cure it"
    comment = f"{finding.comment}; {note}".lstrip("; ")
    return drift(
        finding.resource,
        finding.observed,
        finding.expected,
        evidence=finding.evidence,
        comment=comment,
    )


# ---- mounts ----------------------------------------------------------------------------------


def _mounts(facts, params, live):
    judged = set()
    for mount in facts["mounts"]:
        if mount["target"] == "/" or mount["type"] in ("swap", *fstab.VIRTUAL_TYPES):
            continue
        if not mount["target"].startswith("/") or "noauto" in mount["options"]:
            continue
        # Of several mounts on one place each is a finding of its own.
        again = mount["target"] in judged
        resource = f"{mount['target']} (line {mount['line']})" if again else mount["target"]
        judged.add(mount["target"])
        yield _mount(resource, mount, params, live)
    if not judged:
        yield compliant(
            "/etc/fstab",
            [],
            evidence="/etc/fstab: nothing is mounted at boot besides the root",
        )


def _mount(resource, mount, params, live):
    options = mount["options"]
    where = f"/etc/fstab:{mount['line']} {mount['text'].strip()}"
    timeouts = [o for o in options if o.startswith("x-systemd.device-timeout=")]
    endless = [o for o in timeouts if o.partition("=")[2] in _ENDLESS]
    patient = {"nofail", "x-systemd.automount"} & set(options)
    missing = []
    if not patient and mount["target"] not in params["essential"] and len(timeouts) == len(endless):
        missing.append("nofail")
    if fstab.is_network(mount["type"]) and not {"_netdev", "x-systemd.automount"} & set(options):
        missing.append("_netdev")
    if endless and patient:
        endless = []  # it may wait forever: nobody waits for it
    if not missing and not endless:
        return compliant(resource, options, evidence=where)
    expected = [*(o for o in options if o not in endless), *missing]
    if mount["secret"]:
        comment = "the line holds a password, so it is for a person to edit"
        return drift(resource, options, expected, evidence=where, comment=comment)
    new = fstab.with_options(mount["text"], missing, endless)
    changes = [File("/etc/fstab", edits=(Edit(mount["line"], mount["text"], new),))]
    if live:
        changes.append(Unit("systemd", "daemon-reload"))  # its generator reads fstab
    return drift(resource, options, expected, evidence=where, changes=changes)


# ---- encrypted volumes -----------------------------------------------------------------------


def _volumes(facts):
    for volume in facts["volumes"]:
        resource = f"/dev/mapper/{volume['name']}"
        where = f"/etc/crypttab:{volume['line']} {volume['text'].strip()}"
        how = _unlocks_by(volume)
        if how:
            yield compliant(resource, how, evidence=where)
        elif volume["tokens"] is None and facts["clevis"]:
            yield unknown(
                resource,
                "clevis is installed; whether it unlocks this volume stands in the LUKS header,"
                " which could not be read",
                evidence=where,
            )
        else:
            yield drift(
                resource,
                "passphrase",
                "a key file, a TPM, a FIDO2 or PKCS#11 token, clevis, or noauto",
                evidence=where,
                comment="the boot waits for a passphrase; how the volume is unlocked is a"
                " decision of the crypt family",
            )


def _unlocks_by(volume):
    """How the volume opens without a person, or ``None`` when it asks for a passphrase."""
    options = {o.partition("=")[0]: o.partition("=")[2] for o in volume["options"]}
    for option in ("noauto", "nofail", *_TOKENS):
        if option in options:
            return option
    script = options.get("keyscript")
    if script is not None:
        return None if script.rpartition("/")[2] in _ASKING_SCRIPTS else "keyscript"
    if volume["key"]:
        return volume["key"]
    if volume["default_key"]:
        return volume["default_key"]
    bound = [t for t in volume["tokens"] or [] if t == "clevis" or t.startswith("systemd-")]
    bound = [t for t in bound if t != "systemd-recovery"]
    return f"LUKS2 token {bound[0]}" if bound else None


# ---- the default target ----------------------------------------------------------------------


def _target(facts, params):
    target = facts["target"]
    name, right = target["default"], params["targets"]
    if name is None:
        reason = "systemd is not the init" if facts.guest["init"] != "systemd" else "it is not set"
        yield not_applicable("default.target", reason)
    elif name in right:
        yield compliant("default.target", name, right, evidence=target["at"])
    else:
        path = target["paths"].get(right[0])
        changes = [Link("/etc/systemd/system/default.target", path)] if path else []
        yield drift("default.target", name, right, evidence=target["at"], changes=changes)


CONTROLS = (unattended_boot,)
