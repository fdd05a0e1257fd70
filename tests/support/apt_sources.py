"""The machine's own Debian sources, for another suite.

The rig names no mirror. It takes the ones that this machine's apt uses for
Debian, with the suite replaced; other vendors' sources are left out. A machine
without a Debian source (Ubuntu) gives none, and mmdebstrap then uses its default.
"""

from pathlib import Path

SUITES = ("bullseye", "bookworm", "trixie", "forky", "sid", "stable", "testing", "unstable")
POCKETS = ("", "-updates", "-security", "/updates")
KEYRING = "debian-archive"


def stanzas(apt=Path("/etc/apt")):
    """Debian's entries of one-line and deb822 files.

    :returns: a list of ``(uri, suites, components, options)``; ``options`` is
        the ``signed-by`` path or an empty string.
    """
    found = []
    for path in sorted([apt / "sources.list", *apt.glob("sources.list.d/*")]):
        if path.suffix == ".list" and path.is_file():
            found += _one_line(path.read_text())
        elif path.suffix == ".sources" and path.is_file():
            found += _deb822(path.read_text())
    return [entry for entry in found if _is_debian(entry)]


def for_suite(suite, apt=Path("/etc/apt")):
    """``sources.list`` lines for ``suite``: component main, its updates and security pockets."""
    lines = []
    for uri, suites, _components, signed_by in stanzas(apt):
        option = f"[signed-by={signed_by}] " if signed_by else ""
        for pocket in sorted({_pocket(name) for name in suites}):
            line = f"deb {option}{uri} {suite}{pocket} main"
            if line not in lines:
                lines.append(line)
    return lines


def _is_debian(entry):
    uri, suites, _components, signed_by = entry
    if signed_by and KEYRING not in signed_by:
        return False
    return "debian" in uri and bool(suites) and all(_base(name) in SUITES for name in suites)


def _base(suite):
    return suite.removesuffix("/updates").split("-")[0]


def _pocket(suite):
    pocket = suite[len(_base(suite)) :]
    return "-security" if pocket == "/updates" else pocket if pocket in POCKETS else ""


def _one_line(text):
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words or words[0] != "deb":
            continue
        signed_by = ""
        if len(words) > 1 and words[1].startswith("["):
            while words[1:]:
                option = words.pop(1)
                if "signed-by=" in option:
                    signed_by = option.strip("[]").split("=", 1)[1]
                if option.endswith("]"):
                    break
        if len(words) > 3:
            yield words[1], [words[2]], words[3:], signed_by


def _deb822(text):
    for paragraph in text.split("\n\n"):
        fields = {}
        for line in paragraph.splitlines():
            if ":" in line and not line.startswith(("#", " ", "\t")):
                name, value = line.split(":", 1)
                fields[name.strip().lower()] = value.strip()
        if "deb" not in fields.get("types", "").split():
            continue
        if fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        signed_by = fields.get("signed-by", "")
        for uri in fields.get("uris", "").split():
            yield (
                uri,
                fields.get("suites", "").split(),
                fields.get("components", "").split(),
                signed_by if signed_by.startswith("/") else "",
            )
