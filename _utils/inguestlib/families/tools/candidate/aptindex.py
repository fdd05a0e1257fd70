"""apt's copies of the repositories' indexes, below /var/lib/apt/lists."""

import mmap
import os
import re

from inguestlib import versions
from inguestlib.families.tools.candidate import packed

LISTS = "/var/lib/apt/lists"
_QUOTED = '\\|{}[]<>"^~_=!@#$%^&*'  # what apt writes as %xx in a file name, see strutl.cc
_ENDS = ("", ".gz", ".xz", ".bz2", ".zst", ".lz4")
_CHUNK = 1 << 20


def file_name(uri):
    """The name in :data:`LISTS` of the file at a URI, as apt forms it.

    >>> file_name("http://deb.example/debian/dists/x/InRelease")
    'deb.example_debian_dists_x_InRelease'
    """
    rest = re.sub(r"^[a-z][a-z0-9+.-]*:(//)?", "", uri)
    host, slash, path = rest.partition("/")
    host = host.rpartition("@")[2]  # a password is not part of the name
    text = host + slash + path
    quoted = "".join(f"%{ord(c):02x}" if c in _QUOTED or ord(c) <= 32 else c for c in text)
    return quoted.replace("/", "_")


def _base(source):
    return source.uri.rstrip("/") + "/"


def release(guest, source):
    """``(path, {field: value})`` of a source's Release file, ``(None, {})`` where there is none."""
    inside = source.suite if source.flat else f"dists/{source.suite.strip('/')}/"
    for name in ("InRelease", "Release"):
        path = f"{LISTS}/{file_name(_base(source) + inside + name)}"
        head = guest.read_head(path, 4096)
        if head is not None:
            return path, parse_release(head.decode("utf-8", "replace"))
    return None, {}


def parse_release(text):
    """The single-line fields of a Release file, signed or not; names in lower case."""
    fields = {}
    for line in text.splitlines():
        match = re.match(r"([A-Za-z][A-Za-z-]*): (.*)", line)
        if match and match[1] != "Hash":
            fields.setdefault(match[1].lower(), match[2].strip())
    return fields


def moment(text):
    """``YYYY-MM-DDTHH:MM:SSZ`` of a Release file's date, or ``None``."""
    from email.utils import parsedate_to_datetime  # loads much, and rpm's guests have no need of it

    try:
        when = parsedate_to_datetime(text.replace("UTC", "GMT"))
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def packages(guest, source, architecture):
    """``(the paths of the package lists, the paths that can't be read here)``."""
    if source.flat:
        stems = [_base(source) + source.suite + "Packages"]
    else:
        arches = (source.option("arch") or source.option("architectures") or architecture).split()
        arches = [a for word in arches for a in word.split(",") if a in (architecture, "all")]
        dist = f"{_base(source)}dists/{source.suite.strip('/')}"
        stems = [
            f"{dist}/{component}/binary-{arch}/Packages"
            for component in source.components
            for arch in dict.fromkeys([*arches, "all"])
        ]
    readable, not_readable = [], []
    for stem in stems:
        path = f"{LISTS}/{file_name(stem)}"
        for end in _ENDS:
            if guest.exists(path + end):
                (readable if packed.readable(path + end) else not_readable).append(path + end)
                break
    return readable, not_readable


def offered(guest, path, names):
    """``{name: [version, …]}`` of the packages in an index.

    Raises :class:`OSError` where it can't be read. The whole of Debian is 50 MB: only the
    stanzas in question are looked at.
    """

    def read():
        return packed.understood(guest, path, lambda real: _offered(real, names))

    return guest.once(("apt index", path, names), read)


def _offered(real, names):
    found = {}
    for stanza in _matching(real, _finder(names)):
        fields = dict(re.findall(r"^(Package|Version): (\S+)$", stanza, re.MULTILINE))
        if fields.get("Package") in names and versions.valid(fields.get("Version", ""), "dpkg"):
            found.setdefault(fields["Package"], []).append(fields["Version"])
    return found


def _finder(names):
    """``find(data, at)``: where the next stanza of one of the packages begins, or -1."""
    if all(name.startswith(names[0]) for name in names):
        needle = f"\nPackage: {names[0]}".encode()
        return lambda data, at: data.find(needle, at)  # the quickest there is
    either = b"|".join(re.escape(name.encode()) for name in names)
    pattern = re.compile(b"\nPackage: (?:" + either + b")\n")

    def find(data, at):
        match = pattern.search(data, at)
        return match.start() if match else -1

    return find


def _matching(real, find):
    """The stanzas of a list of packages that ``find`` finds."""
    with packed.opened(real) as file:
        if not packed.suffix(real) and os.fstat(file.fileno()).st_size:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield from _cut(data, find)
            return
        rest = b"\n"
        while chunk := file.read(_CHUNK):
            data = rest + chunk
            end = data.rfind(b"\n\n")
            if end < 0:
                rest = data
                continue
            yield from _cut(data[: end + 2], find)
            rest = data[end + 1 :]
        yield from _cut(rest + b"\n\n", find)


def _cut(data, find):
    first = b"\n" + data[: data.find(b"\n") + 1]  # a list begins without an empty line
    start = 0 if find(first, 0) == 0 else find(data, 0)
    while start >= 0:
        end = data.find(b"\n\n", start + 1)
        end = len(data) if end < 0 else end
        yield bytes(data[start:end]).decode("utf-8", "replace")
        start = find(data, end)
