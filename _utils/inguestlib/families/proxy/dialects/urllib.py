"""Python's urllib: names and the ends of names, with a port if one likes; a star stands alone.

Source: ``proxy_bypass_environment`` and ``getproxies_environment`` of urllib.request.
"""

NAME = "urllib"
PROXY = {"http": ("http_proxy", "HTTP_PROXY"), "https": ("https_proxy", "HTTPS_PROXY")}
EXCEPTIONS = ("no_proxy", "NO_PROXY")
EMPTY_PROXY_COUNTS = EMPTY_LIST_COUNTS = True


def matches(text, destination, version=None):
    """The entry that makes urllib go directly, or ``None``."""
    return bypass(text, destination.written.lower(), destination.netloc.lower())


def bypass(text, only, host):
    """As ``proxy_bypass_environment`` does it, for a host without and with its port."""
    if text == "*":
        return "*"
    for entry in text.split(","):
        name = entry.strip().lstrip(".").lower()
        if name and any(h == name or h.endswith("." + name) for h in (only, host)):
            return entry.strip()
    return None
