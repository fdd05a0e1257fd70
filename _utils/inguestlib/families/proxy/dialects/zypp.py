"""zypper: names and the ends of names, parted by commas or blanks; a star stands alone.

Source: ``useProxyFor`` of libzypp's proxyinfoimpl.h.
"""

import re

NAME = "zypp"
PROXY = {
    "http": ("http_proxy", "all_proxy", "ALL_PROXY"),
    "https": ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
}
EXCEPTIONS = ("no_proxy", "NO_PROXY")


def matches(text, destination, version=None):
    """The entry that makes zypper go directly, or ``None``."""
    host = destination.host.lower()
    entries = [entry for entry in re.split(r"[, \t]+", text) if entry]
    if entries == ["*"]:
        return "*"
    for entry in entries:
        name = entry.lower().removeprefix(".")
        if host == name or host.endswith("." + name):
            return entry
    return None
