"""Kernel parameters that sysctl.d(5) sets at boot, in the order that counts."""

FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d")


def normal(name):
    """A parameter's name with dots: ``net/ipv4/conf/eth0.1/x`` is ``net.ipv4.conf.eth0/1.x``."""
    slash, dot = name.find("/"), name.find(".")
    if slash >= 0 and (dot < 0 or slash < dot):
        return name.translate(str.maketrans("./", "/."))
    return name


def parse(lines):
    """``[(name, value, number, text), …]`` of the assignments; a ``-`` before a name is dropped."""
    found = []
    for number, text in lines:
        line = text.strip()
        name, equals, value = line.partition("=")
        if not equals or line[0] in "#;":
            continue
        found.append((normal(name.strip().removeprefix("-").strip()), value.strip(), number, text))
    return found


def files(guest):
    """The files in the order in which they are applied: the last one wins.

    A name in an earlier folder hides the same name in a later one; a link to ``/dev/null``
    hides it altogether. systemd leaves ``/etc/sysctl.conf`` to a link in the folder; the other
    inits let procps read it last.
    """
    by_name = {}
    folders = FOLDERS
    if guest.resolve("/lib") != guest.resolve("/usr/lib"):
        folders += ("/lib/sysctl.d",)
    for folder in folders:
        for name in guest.listdir(folder):
            if name.endswith(".conf"):
                by_name.setdefault(name, f"{folder}/{name}")
    paths = [by_name[name] for name in sorted(by_name)]
    if guest.init != "systemd":
        paths.append("/etc/sysctl.conf")
    return paths


def settings(guest, names):
    """``{name: [{"value", "path", "line", "text"}, …]}`` of the named parameters, last one wins."""
    found = {name: [] for name in names}
    for path in files(guest):
        meta = guest.stat(path)
        if meta is None or meta.kind != "file":
            continue
        real = guest.resolve(path)
        for name, value, number, text in parse(guest.lines(path)):
            if name in found:
                at = {"value": value, "path": real, "line": number, "text": text, "file": path}
                found[name].append(at)
    return found
