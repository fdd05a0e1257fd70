"""Which files systemd reads for a setting, and what an accumulated list says in the end."""

DIRECTORIES = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd")


def chosen(guest, folder, suffix, directories=DIRECTORIES):
    """``(used, masked)`` paths of ``folder`` over all directories, by systemd's precedence.

    Of files with one name the first directory's wins; a link to ``/dev/null`` or an
    empty file masks the name. ``used`` is sorted by file name.
    """
    by_name, masked = {}, []
    seen = set()
    for directory in directories:
        real = guest.resolve(f"{directory}/{folder}")
        if real is None or real in seen:  # /lib may be /usr/lib
            continue
        seen.add(real)
        for name in guest.listdir(f"{directory}/{folder}"):
            path = f"{directory}/{folder}/{name}"
            if not name.endswith(suffix) or guest.is_dir(path):
                continue
            if name in by_name:
                masked.append(path)
            else:
                by_name[name] = path
    used = []
    for name in sorted(by_name):
        path = by_name[name]
        meta = guest.stat(path)
        if meta is None or meta.kind != "file" or meta.size == 0:
            continue  # masked by /dev/null, dangling, or empty
        used.append(path)
    return used, masked


def main_file(guest, name):
    """The one main configuration file that systemd reads (the first of its directories)."""
    for directory in DIRECTORIES:
        if guest.exists(f"{directory}/{name}"):
            return f"{directory}/{name}"
    return None


def accumulate(entries):
    """The entries of one list setting, each with ``effective`` and ``overridden_by``.

    An empty assignment resets what came before it (systemd.syntax(7)).
    """
    out = []
    for entry in entries:
        if not entry["value"]:
            where = f"{entry['path']}:{entry['line']}"
            out = [
                {**e, "effective": False, "overridden_by": where} if e["effective"] else e
                for e in out
            ]
        out.append({**entry, "effective": True, "overridden_by": ""})
    return out


def last(entries):
    """The entry that counts of a setting that holds one value, or ``None``."""
    return entries[-1] if entries else None
