"""crypt-unlock-path: volumes open without a person, and not by a key that lies beside them."""

import fnmatch

from inguestlib.changes import File
from inguestlib.families.crypt import bootfacts, joined, recovery, stack, tables
from inguestlib.model import compliant, control, drift, not_applicable, unknown

SCHEMA = {}
OBSERVERS = {}
_PRIVATE = (0o400, 0o600, 0o000, 0o200)
_ASKING = ("askpass", "decrypt_keyctl", "decrypt_gnupg", "decrypt_opensc", "decrypt_ssl")
# Problems of the agreement that have findings of their own here.
_OWN = ("keyfile-open", "keyfile-clear")
_EXPECTED = "a TPM, a Tang server, a key from a store, or a key file on another encrypted volume"


@control(
    id="crypt-unlock-path",
    title="Unlock method is unattended and not a plaintext key file",
    why="A passphrase stops every restart by HA until somebody types it; a key in the clear beside "
    "the lock opens it to anybody.",
    severity="high",
    topic="In-guest encryption: use sparingly, for very sensitive workloads",
    enforceable="partial",
    tier=1,
)
def unlock_path(facts, policy):
    found, judged = joined.volumes(facts, policy), False
    for volume in found:
        if not (volume.row or volume.mapping or volume.declared):
            continue
        judged = True
        yield _way(facts, volume)
        yield _agreement(facts, volume)
    for path, meta in facts["boot"]["keys"].items():
        judged = True
        yield from _key_file(facts, path, meta)
    for argument in facts["tables"]["arguments"]:
        if argument["word"].startswith(("rd.luks.key=", "luks.key=")):
            judged = True
            yield _argument(argument)
    if others := bootfacts.of_nobody(facts):
        judged = True
        yield _disagree("agreement of the boot files", others)
    if judged:
        return
    if found:
        paths = ", ".join(volume.path for volume in found)
        evidence = f"{tables.CRYPTTAB}: no line of {paths}"
        yield not_applicable("unlocking", "no boot opens what is encrypted here", evidence=evidence)
    else:
        yield joined.none(facts, "unlocking")


# ---- the way ---------------------------------------------------------------------------------


def _way(facts, volume):
    resource = f"unlocking of {volume.name}"
    ways = _ways(facts, volume)
    evidence = _evidence(volume)
    declared = volume.declared["unlock"]["by"] if volume.declared else []
    if "passphrase" in declared:
        said = "the policy wants it to be opened by hand"
        return compliant(
            resource, ways or ["a passphrase"], declared, evidence=evidence, comment=said
        )
    if missing := _missing(volume, declared):
        comment = f"the policy declares {', '.join(missing)}; inguest_luks enrols what is missing"
        return drift(resource, ways, declared, evidence=evidence, comment=comment)
    if ways:
        return compliant(resource, ways, declared or _EXPECTED, evidence=evidence)
    if volume.row and {"noauto"} & set(volume.row["options"]) and not declared:
        said = "no boot opens it"
        return compliant(resource, ["noauto"], _EXPECTED, evidence=evidence, comment=said)
    if volume.header is None and (volume.path or not volume.mapping):
        why = volume.error or "its device or file isn't here"
        return unknown(
            resource, f"whether a token opens it stands in its header: {why}", evidence=evidence
        )
    if not volume.row and not tables.by_arguments(facts):
        comment = "it was opened by hand, and no boot opens it: declare it, or give it a line"
        return drift(resource, "by hand", _EXPECTED, evidence=evidence, comment=comment)
    return drift(
        resource,
        "a passphrase",
        _EXPECTED,
        evidence=evidence,
        comment="each boot waits for somebody to type it: enrol a TPM or Tang (inguest_luks), or "
        "say unlock: {by: [passphrase]} where that is meant",
    )


def _ways(facts, volume):
    """What opens a volume at boot without a person, in words."""
    row, header = volume.row, volume.header
    found = []
    for token in header["tokens"] if header else []:
        if token["type"] == "systemd-tpm2" and not token["pin"]:
            found.append("TPM")
        elif token["type"] == "clevis":
            found.append(recovery.way(token))
    if volume.declared and volume.declared["unlock"]["by"] == ["key"]:
        found.append("a key from a store")
    if row:
        script = tables.option(row, "keyscript")
        if script and script.rpartition("/")[2] not in _ASKING:
            found.append(f"keyscript {script}")
        elif not script and (path := _key_of(facts, row)):
            found.append(f"key file {path}")
        if header is None and tables.option(row, "tpm2-device"):
            found.append("TPM, by crypttab")
    return list(dict.fromkeys(found))


def _key_of(facts, row):
    """The key file that is named, or the one that systemd finds by the volume's name."""
    if row["key"]:
        return row["key"]
    keys = facts["boot"]["keys"]
    names = [f"{folder}/{row['name']}.key" for folder in bootfacts.KEY_FOLDERS]
    return next((path for path in names if path in keys), None)


def _missing(volume, declared):
    if not volume.header:
        return []
    have = {token["type"] for token in volume.header["tokens"]}
    pins = {pin for token in volume.header["tokens"] for pin in recovery.pins(token)}
    there = {
        "tpm2": "systemd-tpm2" in have or "tpm2" in pins,
        "tang": "tang" in pins,
    }
    return [way for way in declared if not there.get(way, True)]


def _evidence(volume):
    parts = [tables.where(volume.row)] if volume.row else [f"{tables.CRYPTTAB}: no line of it"]
    if volume.header:
        tokens = [token["type"] for token in volume.header["tokens"]]
        parts.append(f"{volume.path}: tokens {', '.join(tokens) or 'none'}")
    return "; ".join(parts)


# ---- key files -------------------------------------------------------------------------------


def _key_file(facts, path, meta):
    yield _mode(path, meta)
    held = facts["boot"]["files"]["keyfiles"][path]
    resource = f"{path} at rest"
    where = f"{path} lies on the file system of {held['mount']}"
    if held["covered"]:
        yield compliant(resource, "encrypted", "encrypted", evidence=where)
    elif held["covered"] is None:
        yield unknown(resource, f"what the file system of {path} stands on could not be seen")
    else:
        comment = "whoever has the disk has the key: keep it on another encrypted volume"
        yield drift(resource, "clear", "encrypted", evidence=where, comment=comment)
    if copied := _into_initramfs(facts, path):
        yield _initramfs(facts, path, copied)


def _mode(path, meta):
    observed = {"mode": f"{meta['mode']:04o}", "uid": meta["uid"], "gid": meta["gid"]}
    expected = {"mode": "0400", "uid": 0, "gid": 0}
    evidence = f"{path}: {observed['mode']} {meta['uid']}:{meta['gid']}"
    if meta["kind"] != "file" or (meta["mode"] in _PRIVATE and meta["uid"] == 0):
        return compliant(path, observed, expected, evidence=evidence)
    cure = File(path, mode="0400", user=0, group=0)
    return drift(path, observed, expected, evidence=evidence, changes=[cure])


def _into_initramfs(facts, path):
    """The setting by which a file is copied into the initramfs, or ``None``."""
    for setting in facts["boot"]["copied"]:
        if any(fnmatch.fnmatchcase(path, pattern) for pattern in setting["value"].split()):
            return setting
    return None


def _initramfs(facts, path, setting):
    resource = f"{path} in the initramfs"
    where = f"{setting['path']}:{setting['line']} {setting['key']}={setting['value']}"
    images = facts["boot"]["images"]
    wrong = [
        f"{image} can be read by all ({mode:04o})" for image, mode in images.items() if mode & 0o4
    ]
    boot = stack.mounted_at(facts, "/boot")
    state = stack.state(facts, boot["devices"]) if boot else "unseen"
    if state == "clear":
        wrong.append("/boot is not encrypted, so the key lies there in the clear")
    evidence = "; ".join([where, *(f"{image} {mode:04o}" for image, mode in images.items())])
    if wrong:
        comment = "; ".join(wrong)
        return drift(resource, "copied", "not copied", evidence=evidence, comment=comment)
    if state == "unseen":
        return unknown(resource, "what /boot stands on could not be seen", evidence=evidence)
    said = "/boot is encrypted, and only root reads the image"
    return compliant(resource, "copied", "not readable", evidence=evidence, comment=said)


def _argument(argument):
    word, where = argument["word"], f"{argument['path']}:{argument['line']} {argument['word']}"
    path, _, device = word.partition("=")[2].partition(":")
    resource = f"{word.partition('=')[0]} in the kernel's arguments"
    if device:
        said = "the key is on a device of its own: keep that one away from the disk"
        return compliant(resource, f"{path} on {device}", evidence=where, comment=said)
    comment = "the key lies inside the initramfs: whoever reads /boot has it"
    return drift(resource, path, _EXPECTED, evidence=where, comment=comment)


# ---- agreement -------------------------------------------------------------------------------


def _agreement(facts, volume):
    resource = f"agreement about {volume.name}"
    files = facts["boot"]["files"]
    problems = [one for one in bootfacts.problems(facts, volume) if one["id"] not in _OWN]
    if problems:
        return _disagree(resource, problems)
    if files is None:
        return unknown(resource, "nothing of the boot's files could be seen")
    looked = [tables.CRYPTTAB, tables.FSTAB, "the kernel's arguments"]
    looked += [image["path"] for image in (files["initramfs"] or {}).get("images", ())]
    evidence = f"{', '.join(looked)}: one volume, one name, in one order"
    return compliant(resource, "agree", "agree", evidence=evidence)


def _disagree(resource, problems):
    evidence = "; ".join(dict.fromkeys(one["evidence"] for one in problems))
    words = [one["words"] for one in problems]
    return drift(
        resource,
        [one["id"] for one in problems],
        "crypttab, fstab, kernel arguments, initramfs and units agree",
        evidence=evidence,
        comment="; ".join(words),
        severity="medium",
    )


CONTROLS = (unlock_path,)
