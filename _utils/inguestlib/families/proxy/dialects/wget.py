"""wget: names and the ends of names; no networks, no star. Variables in small letters only.

Source: ``sufmatch`` of src/host.c and ``getproxy`` of src/retr.c.
"""

NAME = "wget"
PROXY = {"http": ("http_proxy",), "https": ("https_proxy",)}
EXCEPTIONS = ("no_proxy",)


def matches(text, destination, version=None):
    """The entry that makes wget go directly, or ``None``."""
    host = destination.host.lower()
    for number, entry in enumerate(text.split(",")):
        # blanks behind a comma are skipped, all others belong to the entry
        name = (entry.lstrip() if number else entry).lower()
        if not name or not host.endswith(name):
            continue
        before = host[: -len(name)]
        if not before or before[-1] == "." or name[0] == ".":
            return entry.strip()
    return None
