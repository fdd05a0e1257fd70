"""Logins of a proxy that everybody can read, and one that has to be put in its place."""

from support.cases import Case, write

LOGIN = {"user": "joe", "password": "s3nt1nel/%"}
URL = "http://{}proxy.corp.example:3128"
THEIRS, OURS = URL.format("ann:old%20one@"), URL.format("joe:s3nt1nel%2F%25@")
SYSTEM = {
    "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
    "/etc/hostname": "web1\n",
    "/usr/lib/systemd/systemd": "",
    "/sbin/init": ("->", "/usr/lib/systemd/systemd"),
    "/usr/lib/systemd/system/docker.service": "[Service]\nExecStart=/bin/true\n",
}


def case(name, files, **params):
    return Case(
        name,
        "proxy",
        lambda root: write(root, {**SYSTEM, **files}),
        {"proxy": {"mode": "enforce", **params}},
        ("proxy-no-credentials",),
        ("proxy-no-credentials",),
    )


CASES = [
    case(
        "logins of a proxy where none is allowed",
        {
            "/etc/environment": f"# {THEIRS}\nhttp_proxy={THEIRS}\nNO_PROXY=localhost\n",
            "/etc/gitconfig": f"[http]\n\tproxy = {THEIRS}\n",
            "/etc/wgetrc": "proxy_user = ann\nproxy_password = old one\n",
            "/etc/docker/daemon.json": f'{{\n "proxies": {{\n  "http-proxy": "{THEIRS}"\n }}\n}}\n',
        },
        credentials={"forbidden": True},
    ),
    case(
        "the policy's login where all can read it",
        {"/etc/docker/daemon.json": f'{{"proxies": {{"http-proxy": "{OURS}"}}}}\n'},
        credentials=LOGIN,
    ),
    case(
        "a login that apt and a service are to have",
        {
            "/etc/apt/auth.conf.d/zz-inguest-proxy.conf": (
                "machine http://proxy.corp.example:3128\nlogin joe\npassword rotated\n"
            )
        },
        url=URL.format(""),
        credentials={**LOGIN, "consumers": ["apt"], "units": ["docker.service"]},
    ),
]
