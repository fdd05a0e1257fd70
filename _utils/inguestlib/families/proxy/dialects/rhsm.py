"""subscription-manager: as urllib, with ``*.domain`` understood as ``.domain``."""

from inguestlib.families.proxy.dialects import urllib

NAME = "rhsm"
PROXY = urllib.PROXY
EXCEPTIONS = urllib.EXCEPTIONS


def matches(text, destination, version=None):
    """The entry that makes it go directly, or ``None``."""
    for entry in text.split(","):
        name = entry.strip()
        bare = name[1:] if name.startswith("*.") else name
        if urllib.bypass(bare, destination.written.lower(), destination.netloc.lower()):
            return name
    return None
