"""Fetches a list of URLs with a Python client: ``in_python.py CLIENT QUESTIONS``."""

import functools
import json
import os
import sys


def requests(url):
    import requests

    requests.get(url, timeout=30)


def urllib(url):
    import urllib.request

    urllib.request.build_opener().open(url, timeout=30).read()


@functools.lru_cache
def _pip_session():
    from pip._internal.network.session import PipSession

    return PipSession(retries=0)


def pip(url):
    _pip_session().get(url, timeout=30)


def salt(config, url):
    import salt.config
    import salt.utils.http

    opts = salt.config.minion_config(config)
    salt.utils.http.query(url, opts=opts, raise_error=False)


def main():
    if sys.argv[1] == "salt":
        salt(*sys.argv[2:])
        return
    fetch = {"requests": requests, "urllib": urllib, "pip": pip}[sys.argv[1]]
    with open(sys.argv[2]) as file:
        questions = json.load(file)
    for one in questions:
        for name in [n for n in os.environ if n.lower().endswith("_proxy")]:
            del os.environ[name]
        os.environ.update(one["env"])
        try:
            fetch(one["url"])
        except Exception as exc:  # noqa: BLE001 - what reached the server is what counts
            print(one["url"], exc, file=sys.stderr)


if __name__ == "__main__":
    main()
