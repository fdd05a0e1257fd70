"""An sdb driver: its store is a :class:`support.safe.Safe` in the test's process.

The profile, in the minion's configuration or the pillar::

    safe: {driver: testsafe, host: 127.0.0.1, port: 8200}
"""

import http.client
from urllib.parse import quote

__func_alias__ = {"set_": "set"}


def get(key, service=None, profile=None):
    """The value, or ``None``."""
    status, body = _ask("GET", key, profile)
    return body.decode() if status == 200 else None


def set_(key, value, service=None, profile=None):
    """Keep a value."""
    return _ask("PUT", key, profile, value.encode())[0] == 200


def delete(key, service=None, profile=None):
    """Forget a value."""
    return _ask("DELETE", key, profile)[0] == 200


def _ask(method, key, profile, body=None):
    connection = http.client.HTTPConnection(profile["host"], profile["port"], timeout=30)
    try:
        connection.request(method, "/" + quote(key), body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
