"""Judge the boot loader: a finite menu, no password to boot, kernel arguments that don't ask."""

from inguestlib.changes import HEADER, Edit, File, Refresh
from inguestlib.families.services import bootfacts, grub
from inguestlib.model import compliant, drift, not_applicable, unknown

# Words of the kernel's command line that end in a shell or a password prompt.
_STOPS = frozenset(["single", "s", "S", "1", "rescue", "emergency", "rd.break"])
_STOP_UNITS = ("rescue.target", "emergency.target")


def judge(facts, params):
    loader = facts["loader"]
    if loader["unreadable"]:
        yield unknown("grub", f"could not be read: {loader['unreadable']}")
        return
    if loader["defaults"] is None and loader["menu"] is None and not loader["entries"]:
        yield not_applicable("grub", "no GRUB configuration was found in this root")
        return
    live = facts.guest["live"]
    # Offline the generated menu is still the old one; it is made anew by the guest.
    menu = loader["menu"] if live or loader["defaults"] is None else None
    changes = _grub_changes(facts, params)
    yield _timeout(loader, menu, params, changes)
    yield _password(loader)
    yield _arguments(facts, menu, params, changes)


def _at(value):
    return f"{value['path']}:{value['line']} {value['text'].strip()}"


def _timeout(loader, menu, params, changes):
    wrong, seen = [], []
    for name in ("GRUB_TIMEOUT", "GRUB_RECORDFAIL_TIMEOUT"):
        value = (loader["defaults"] or {}).get(name)
        if value:
            (wrong if value["value"].startswith("-") else seen).append(_at(value))
    for value in menu["timeouts"] if menu else ():
        (wrong if value["value"] < 0 else seen).append(
            f"{menu['path']}:{value['line']} {value['text']}"
        )
    expected = "a number of seconds"
    if wrong:
        return drift(
            "grub timeout", "forever", expected, evidence="; ".join(wrong), changes=changes
        )
    evidence = "; ".join(seen) or "no file sets a timeout; GRUB's own default is 5 seconds"
    return compliant("grub timeout", "finite", expected, evidence=evidence)


def _password(loader):
    menu, entries = loader["menu"], loader["entries"]
    users = menu["superusers"] if menu else None
    if not users:
        evidence = f"{menu['path']}: sets no superusers" if menu else "no menu was generated yet"
        return (
            compliant("grub password", "not asked for", evidence=evidence)
            if menu
            else unknown("grub password", evidence)
        )
    evidence = f"{menu['path']}:{users['line']} {users['text']}"
    asking = [menu["first"]] if menu["first"] and not menu["first"]["unrestricted"] else []
    if menu["first"] is None:
        asking = [e for e in entries if not e["unrestricted"]]
    if not asking:
        return compliant("grub password", "only to edit", evidence=evidence)
    first = {"path": menu["path"], "line": 1, "text": "no --unrestricted", **asking[0]}
    return drift(
        "grub password",
        "asked for before an entry boots",
        "--unrestricted on the entries",
        evidence=f"{evidence}; {_at(first)}",
        comment="add --unrestricted to CLASS in /etc/grub.d/10_linux, or to the entry by hand",
    )


def _words(loader, menu):
    """``[(evidence, words), …]`` of every command line that counts."""
    lines = []
    defaults = loader["defaults"]
    if defaults is not None:
        values = [
            defaults[n]
            for n in ("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT")
            if n in defaults
        ]
        words = [w for v in values for w in v["value"].split()]
        lines.append(
            ("; ".join(map(_at, values)) or f"{grub.DEFAULTS}: no GRUB_CMDLINE_LINUX", words)
        )
    if menu and menu["cmdline"]:
        value = menu["cmdline"]
        lines.append((_at({"path": menu["path"], **value}), value["value"].split()))
    for entry in loader["entries"]:
        if entry["cmdline"]:
            at = _at({"path": entry["path"], **entry["cmdline"]})
            lines.append((at, entry["cmdline"]["value"].split()))
    return lines


def _stops(words):
    return [
        w
        for w in words
        if w in _STOPS
        or (w.startswith("systemd.unit=") and w.partition("=")[2] in _STOP_UNITS)
        or (w.startswith("init=") and w.rpartition("/")[2] in ("sh", "bash", "dash"))
    ]


def _repairs(words):
    modes = [w.partition("=")[2] for w in words if w.startswith("fsck.repair=")]
    return "fsck.mode=skip" in words or (bool(modes) and modes[-1] == "yes")


def _arguments(facts, menu, params, changes):
    lines = _words(facts["loader"], menu)
    if not lines:
        return unknown("kernel arguments", "no boot entry with a kernel line was found")
    for evidence, words in lines:
        if stops := _stops(words):
            return drift(
                "kernel arguments",
                stops,
                "no single-user boot",
                evidence=evidence,
                comment="remove the words where they stand",
            )
    lacking = [evidence for evidence, words in lines if not _repairs(words)]
    if lacking and _wants_repair(facts, params):
        loader = facts["loader"]
        # Neither grubenv's arguments nor a menu without default files is ours to write.
        saved = any(
            e["saved"] and not _repairs(e["cmdline"]["value"].split()) for e in loader["entries"]
        )
        if saved or (loader["defaults"] is None and menu):
            changes = []
        return drift(
            "kernel arguments",
            "fsck may stop and ask",
            "fsck.repair=yes",
            evidence="; ".join(lacking),
            comment="" if changes else "add fsck.repair=yes to the kernel arguments by hand",
            changes=changes,
        )
    return compliant("kernel arguments", evidence="; ".join(e for e, _w in lines))


def _wants_repair(facts, params):
    return params["fsck_repair"] and any(
        m["passno"] and m["type"].startswith("ext") for m in facts["mounts"]["mounts"]
    )


def _grub_changes(facts, params):
    """The changes that cure GRUB's timeout and arguments together: one owned file or line edits."""
    loader = facts["loader"]
    base, debian = loader["base"], facts.guest["os"]["family"] == "debian"
    repair = _wants_repair(facts, params)
    wanted = {}
    for name in ("GRUB_TIMEOUT", "GRUB_RECORDFAIL_TIMEOUT"):
        if (base or {}).get(name, {}).get("value", "").startswith("-"):
            wanted[name] = str(params["timeout"])
    arguments = [
        base[n]["value"]
        for n in ("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT")
        if n in (base or {})
    ]
    if base is not None and repair and not _repairs(" ".join(arguments).split()):
        wanted["GRUB_CMDLINE_LINUX"] = "fsck.repair=yes"
    changes = []
    if wanted and debian:
        lines = [
            f'{k}="$GRUB_CMDLINE_LINUX {v}"' if k == "GRUB_CMDLINE_LINUX" else f"{k}={v}"
            for k, v in wanted.items()
        ]
        text = "\n".join([HEADER, *lines, ""])
        changes.append(File(bootfacts.OWNED_GRUB, content=text, mode="0644", user=0, group=0))
    elif wanted:
        changes.append(File(grub.DEFAULTS, edits=tuple(_edits(base, wanted))))
    if repair:
        for entry in loader["entries"]:
            line = entry["cmdline"]
            if line and not entry["saved"] and not _repairs(line["value"].split()):
                edit = Edit(line["line"], line["text"], f"{line['text'].rstrip()} fsck.repair=yes")
                changes.append(File(entry["path"], edits=(edit,)))
    if facts.guest["live"] and loader["menu"] and base is not None:
        if loader["menu"]["path"] != grub.MENUS[0 if debian else 1]:
            return []  # the menu would not be made where it is read
        changes.append(Refresh("grub-debian" if debian else "grub-redhat"))
    return changes


def _edits(base, wanted):
    for name, value in wanted.items():
        if name not in base:
            yield Edit(0, None, f'{name}="{value}"')
            continue
        at = base[name]
        if name == "GRUB_CMDLINE_LINUX":
            value = f"{at['value']} {value}".strip()
        quote = "'" if '"' in value else '"'
        yield Edit(at["line"], at["text"], f"{name}={quote}{value}{quote}")
