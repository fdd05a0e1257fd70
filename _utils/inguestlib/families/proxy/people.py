"""Whose personal configuration counts: root, and everybody with a home directory."""

FIRST_USER = 1000  # UID_MIN of login.defs(5) on every distribution here
LIMIT = 200  # of homes that are looked into


def homes(guest):
    """``[(user, home), …]``, root first; each home exists."""

    def look():
        found = [("root", "/root")] if guest.is_dir("/root") else []
        for _, line in guest.lines("/etc/passwd"):
            parts = line.split(":")
            if len(parts) < 7 or not parts[2].isdigit() or not parts[5].startswith("/"):
                continue
            if FIRST_USER <= int(parts[2]) < 65534 and parts[5] != "/":
                found.append((parts[0], parts[5].rstrip("/")))
        found = list(dict.fromkeys(found))[:LIMIT]
        return [(user, home) for user, home in found if guest.is_dir(home)]

    return guest.once(("proxy", "homes"), look)
