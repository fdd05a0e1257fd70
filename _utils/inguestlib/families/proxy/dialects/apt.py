"""apt: the end of the host's name, wherever it begins: ``corp.example`` also means notcorp.example.

Blanks are part of an entry. Source: ``CheckDomainList`` of apt-pkg/contrib/strutl.cc and
methods/http.cc.
"""

NAME = "apt"
PROXY = {"http": ("http_proxy",), "https": ("https_proxy", "http_proxy")}
EXCEPTIONS = ("no_proxy",)
EMPTY_PROXY_COUNTS = True


def matches(text, destination, version=None):
    """The entry that makes apt go directly, or ``None``."""
    host = destination.host.lower()
    for entry in text.split(","):
        if entry and host.endswith(entry.lower()):
            return entry
    return None
