"""npm: whole labels from the end, in small letters; no star, no port, no network.

For http it takes the proxy of https where there is one. Source: @npmcli/agent lib/proxy.js.
"""

NAME = "npm"
PROXY = {
    "http": ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "proxy", "PROXY"),
    "https": ("https_proxy", "HTTPS_PROXY"),
}
EXCEPTIONS = ("no_proxy", "NO_PROXY")
ANY_CASE = True  # the one that stands last in the environment counts, and nobody knows which


def matches(text, destination, version=None):
    """The entry that makes npm go directly, or ``None``."""
    host = destination.written.lower().split(".")[::-1]
    for entry in text.split(","):
        labels = [label for label in entry.strip().split(".") if label][::-1]
        if labels and host[: len(labels)] == labels:
            return entry.strip()
    return None
