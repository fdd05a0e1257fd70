"""The Salt minion's own list: whole host names, compared as they are.

Source: salt/utils/http.py, whose default way out reads no environment.
"""

from inguestlib.families.proxy.dialects import requests

NAME = "salt"
PROXY = requests.PROXY
EXCEPTIONS = requests.EXCEPTIONS


def matches(text, destination, version=None):
    """The entry that makes the minion go directly, or ``None``."""
    host = destination.host.lower()
    return next((entry for entry in text.split(",") if entry == host), None)
