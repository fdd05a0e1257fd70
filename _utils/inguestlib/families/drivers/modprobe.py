"""What modprobe.d(5) and the kernel's command line say of a module: may it be loaded?"""

from inguestlib.changes import HEADER, Edit, File

FOLDERS = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)
_REFUSALS = ("/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true", "false", "true")
_ARGUMENTS = ("modprobe.blacklist", "module_blacklist", "rd.driver.blacklist")


def normal(module):
    """A module's name as the kernel has it: ``-`` and ``_`` mean the same."""
    return module.replace("-", "_")


def parse(path, lines):
    """The ``blacklist`` and ``install`` commands of a file.

    ``[{"command", "module", "how", "path", "line", "text"}, …]``; a line that ends in a
    backslash goes on in the next one, and then ``text`` is the first of them.
    """
    found, joined, first = [], "", None
    for number, text in lines:
        first = first or (number, text)
        if text.endswith("\\"):
            joined += text[:-1] + " "
            continue
        words = (joined + text).split(None, 2)
        number, text = first
        joined, first = "", None
        if len(words) > 1 and words[0] in ("blacklist", "install"):
            at = {"path": path, "line": number, "text": text}
            how = words[2].strip() if len(words) > 2 else ""
            found.append({"command": words[0], "module": normal(words[1]), "how": how, **at})
    return found


def files(guest):
    """The files that count: a name in an earlier folder hides the same name in a later one."""
    by_name = {}
    for folder in FOLDERS:
        for name in guest.listdir(folder):
            if name.endswith(".conf"):
                by_name.setdefault(name, f"{folder}/{name}")
    return [by_name[name] for name in sorted(by_name)]


def observe(guest, modules):
    """The commands about the given modules, and command-line words that block one of them."""
    wanted = {normal(module) for module in modules}
    rows = []
    for path in files(guest):
        meta = guest.stat(path)
        if meta and meta.kind == "file":
            rows += [row for row in parse(path, guest.lines(path)) if row["module"] in wanted]
    if guest.live:
        rows += [r for r in arguments(guest.read("/proc/cmdline") or "") if r["module"] in wanted]
    return rows


def arguments(cmdline):
    """The modules that a kernel command line blocks, in the shape of :func:`parse`."""
    found = []
    for word in cmdline.split():
        key, _, value = word.partition("=")
        if key in _ARGUMENTS:
            at = {"path": "/proc/cmdline", "line": 1, "text": word}
            for module in value.split(","):
                row = {"command": "cmdline", "module": normal(module), "how": ""}
                found.append({**row, **at})
    return found


def blocking(rows, module):
    """The rows because of which a module isn't loaded for its device."""
    return [row for row in rows if row["module"] == normal(module) and _blocks(row)]


def refusing(rows, module):
    """The rows because of which nothing at all can load a module; a blacklist is not enough."""
    return [
        row
        for row in rows
        if row["module"] == normal(module) and row["command"] == "install" and _blocks(row)
    ]


def _blocks(row):
    return row["command"] != "install" or row["how"].split(None, 1)[0:1] in [[r] for r in _REFUSALS]


def shown(row):
    """``path:line text``."""
    return f"{row['path']}:{row['line']} {row['text'].strip()}"


def unblocked(rows):
    """Edits that take blocking rows out; ``None`` where one is not in ``/etc`` to be edited."""
    by_path = {}
    for row in rows:
        if not row["path"].startswith("/etc/") or row["text"].endswith("\\"):
            return None
        by_path.setdefault(row["path"], []).append(
            Edit(row["line"], row["text"], f"# Taken out by inguest: {row['text'].strip()}")
        )
    return [File(path, edits=tuple(edits)) for path, edits in by_path.items()]


def refusal(path, modules):
    """The :class:`File` of ours by which none of the modules can be loaded."""
    lines = [f"blacklist {name}\ninstall {name} /bin/false\n" for name in modules]
    return File(path, content=f"{HEADER}\n{''.join(lines)}", mode="0644", user=0, group=0)
