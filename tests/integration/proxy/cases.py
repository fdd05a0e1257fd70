"""What the clients are asked: a list of exceptions, and where to go with it."""

from typing import NamedTuple

# Every name leads to 127.0.0.1; the addresses are the namespace's own.
NAMES = (
    "corp.example",
    "host.corp.example",
    "HOST.CORP.EXAMPLE",
    "host.corp.example.",
    "deep.host.corp.example",
    "notcorp.example",
    "web.other.example",
    "host",
)
ADDRESSES = ("10.1.2.3/32", "192.168.7.5/32", "203.0.113.9/32", "fd00::7/128", "2001:db8::7/128")


class Case(NamedTuple):
    """One value of ``no_proxy`` and one URL."""

    exceptions: str
    url: str


_HOST = "http://host.corp.example"
_TABLE = {
    _HOST: (
        "",
        "host.corp.example",
        "corp.example",
        ".corp.example",
        "..corp.example",
        "*.corp.example",
        "*corp.example",
        "*",
        "*,unrelated.example",
        "unrelated.example,*",
        "host.corp.example.",
        ".corp.example.",
        "corp.example.",
        "CORP.EXAMPLE",
        "Host.Corp.Example",
        "orp.example",
        "example",
        ".example",
        "host",
        "host.*",
        "host.corp.example:80",
        "host.corp.example:8080",
        ".corp.example:80",
        "unrelated.example, host.corp.example",
        "unrelated.example , host.corp.example",
        " host.corp.example ",
        "unrelated.example host.corp.example",
        "host.corp.example unrelated.example",
        "unrelated.example,,host.corp.example",
        "unrelated.example;host.corp.example",
        "unrelated.example,\thost.corp.example",
        "http://host.corp.example",
        "127.0.0.1",
        "127.0.0.0/8",
        "other.example,10.0.0.0/8,.corp.example",
    ),
    "http://host.corp.example:8080": (
        "host.corp.example",
        "host.corp.example:8080",
        "host.corp.example:80",
        ".corp.example:8080",
        "corp.example:8080",
        "*.corp.example:8080",
        ":8080",
    ),
    "http://corp.example": ("corp.example", ".corp.example", "*.corp.example", "*corp.example"),
    "http://notcorp.example": ("corp.example", ".corp.example", "*corp.example", "example"),
    "http://deep.host.corp.example": (".corp.example", "*.corp.example", "corp.example"),
    "http://host": ("host", ".host", "host.corp.example", "corp.example", "*"),
    "http://HOST.CORP.EXAMPLE": ("host.corp.example", ".corp.example", "HOST.CORP.EXAMPLE"),
    "http://host.corp.example.": ("host.corp.example", ".corp.example", "host.corp.example."),
    "http://web.other.example": (".corp.example", "other.example", "corp.example,other.example"),
    "http://10.1.2.3": (
        "10.1.2.3",
        "10.1.2.0/24",
        "10.0.0.0/8",
        "10.1.2.3/32",
        "10.1.2.4/24",
        "10.1.3.0/24",
        "0.0.0.0/0",
        "10.1.2.0/33",
        "10.1.2.0/255.255.255.0",
        "10.",
        "10.*",
        "10.1.2.*",
        ".2.3",
        "2.3",
        "10.1.2.3:80",
        "10.1.2.0",
        "010.1.2.3",
        "unrelated.example, 10.0.0.0/8",
    ),
    "http://10.1.2.3:8080": ("10.1.2.3", "10.1.2.3:8080", "10.1.2.3:80", "10.0.0.0/8"),
    "http://192.168.7.5": ("10.0.0.0/8", "192.168.0.0/16", "192.168.7.5"),
    "http://127.0.0.1": ("", "localhost", "127.0.0.1", "127.0.0.0/8"),
    "http://localhost": ("", "localhost", ".localhost", "127.0.0.1"),
    "http://[fd00::7]": (
        "",
        "fd00::7",
        "[fd00::7]",
        "fd00:0:0::7",
        "fd00::/8",
        "fd00::/64",
        "[fd00::]/8",
        "FD00::7",
        "fd01::/16",
        "[fd00::7]:80",
        "*",
    ),
    "http://[fd00::7]:8080": ("fd00::7", "[fd00::7]", "[fd00::7]:8080", "fd00::/8"),
    "http://[2001:db8::7]": ("fd00::/8", "2001:db8::7", "2001:db8::/32"),
    "http://[::1]": ("", "::1", "[::1]"),
}
CASES = tuple(Case(text, url) for url, texts in _TABLE.items() for text in texts)


# Clients with settings of their own: files of a tree, the environment, and a URL.
class Own(NamedTuple):
    """``files`` are paths of a tree with their text; ``env`` is what a login shell would have."""

    client: str
    files: dict
    env: dict
    url: str = _HOST


# Which variables a client reads at all: with no list of exceptions, to a name.
PROXY = "http://127.0.0.1:3128"
_ENV = {"http_proxy": PROXY, "https_proxy": PROXY}
_ME, _OTHER = {"no_proxy": "host.corp.example"}, {"no_proxy": "other.example"}
_GIT = f"[http]\n\tproxy = {PROXY}\n"
_DNF, _REPO = "/etc/dnf/dnf.conf", "/etc/yum.repos.d/x.repo"
_APT = "/etc/apt/apt.conf.d/90proxy"
OWN = (
    Own("git", {"/etc/gitconfig": _GIT}, {}),
    Own("git", {"/etc/gitconfig": _GIT}, _ME),
    Own("git", {"/etc/gitconfig": _GIT}, _OTHER),
    Own("git", {"/etc/gitconfig": "[http]\n\tproxy =\n"}, _ENV),
    Own("git", {"/etc/gitconfig": _GIT, "/root/.gitconfig": '[http]\nproxy = ""\n'}, {}),
    Own("git", {"/etc/gitconfig": f'{_GIT}[http "{_HOST}"]\nproxy =\n'}, {}),
    Own("git", {"/etc/gitconfig": f'{_GIT}[http "http://*.corp.example"]\nproxy =\n'}, {}),
    Own("git", {"/etc/gitconfig": f'{_GIT}[http "https://host.corp.example"]\nproxy =\n'}, {}),
    Own("git", {"/root/.gitconfig": f"[HTTP] Proxy = {PROXY} ; comment\n"}, {}),
    Own("curl", {"/root/.curlrc": f'proxy = "{PROXY}"\n'}, {}),
    Own("curl", {"/root/.curlrc": f"--proxy {PROXY}\n"}, _ME),
    Own("curl", {"/root/.curlrc": f"-x {PROXY}\nnoproxy = other.example\n"}, _ME),
    Own("curl", {"/root/.curlrc": "noproxy = host.corp.example\n"}, {**_ENV, **_OTHER}),
    Own("curl", {"/root/.curlrc": 'proxy = ""\n'}, _ENV),
    Own("curl", {"/root/.curlrc": "# proxy = http://127.0.0.1:9\n"}, _ENV),
    Own("wget", {"/etc/wgetrc": f"http_proxy = {PROXY}\n"}, {}),
    Own("wget", {"/etc/wgetrc": f"HTTP-Proxy = {PROXY}\n"}, _ME),
    Own("wget", {"/etc/wgetrc": "use_proxy = off\n"}, _ENV),
    Own("wget", {"/etc/wgetrc": "no_proxy = host.corp.example\n"}, {**_ENV, **_OTHER}),
    Own("wget", {"/etc/wgetrc": "no_proxy = other.example\n"}, {**_ENV, **_ME}),
    Own("wget", {"/root/.wgetrc": f"http_proxy = {PROXY}\nno_proxy = corp.example\n"}, {}),
    Own("apt", {_APT: f'Acquire::http::Proxy "{PROXY}";'}, {}),
    Own("apt", {_APT: f'Acquire {{ http {{ Proxy "{PROXY}"; }}; }}; // x'}, _ME),
    Own("apt", {_APT: f'acquire::HTTP::proxy "{PROXY}";\nAcquire::http::Proxy::host.corp.example '
                '"DIRECT";'}, {}),
    Own("apt", {_APT: 'Acquire::http::Proxy "DIRECT";'}, _ENV),
    Own("apt", {_APT: 'Acquire::http::Proxy "false";'}, _ENV),
    Own("apt", {_APT: f'Acquire::http::Proxy::host.corp.example "{PROXY}";'}, {}),
    Own("apt", {_APT: f'Acquire::http::Proxy::host.corp.example "{PROXY}";'}, _ME),
    Own("apt", {_APT: f'Acquire::http::Proxy::other.example "{PROXY}";'}, {}),
    Own("apt", {_APT: f'# Acquire::http::Proxy "{PROXY}";'}, {}),
    Own("apt", {_APT + ".bak": f'Acquire::http::Proxy "{PROXY}";'}, {}),
    Own("apt", {"/etc/apt/apt.conf": 'Acquire::http::Proxy "DIRECT";',
                _APT: f'Acquire::http::Proxy "{PROXY}";'}, {}),
    Own("apt", {_APT: f'Acquire::http::Proxy "{PROXY}"; #clear Acquire::http::Proxy;'}, {}),
    Own("pip", {"/etc/pip.conf": f"[global]\nproxy = {PROXY}\n"}, _ME),
    Own("pip", {"/etc/pip.conf": "[global]\nproxy = \n"}, _ENV),
    Own("npm", {"/etc/npmrc": f"proxy={PROXY}\n"}, {}),
    Own("npm", {"/etc/npmrc": f"proxy={PROXY}\nnoproxy=host.corp.example\n"}, {}),
    Own("npm", {"/etc/npmrc": f"https-proxy={PROXY}\n"}, _ME),
    Own("npm", {"/root/.npmrc": "proxy=null\n"}, _ENV),
    Own("dnf", {_DNF: f"[main]\nproxy={PROXY}\n"}, _ME),
    Own("dnf", {_DNF: f"[main]\nproxy={PROXY}\n"}, {"NO_PROXY": "other.example"}),
    Own("dnf", {_DNF: "[main]\nproxy=\n"}, _ENV),
    Own("dnf", {_DNF: f"[main]\nproxy={PROXY}\n", _REPO: "[x]\nproxy=_none_\n"}, {}),
    Own("dnf", {_DNF: f"[main]\nproxy={PROXY}\n", _REPO: "[x]\nproxy=\n"}, _ENV),
    Own("dnf", {_DNF: "[main]\n", _REPO: f"[x]\nproxy={PROXY}\n"}, {}),
    Own("salt", {"/etc/salt/minion": "proxy_host: 127.0.0.1\nproxy_port: 3128\n"}, {}),
    Own("salt", {"/etc/salt/minion": "proxy_host: 127.0.0.1\nproxy_port: 3128\n"
                 "no_proxy: [host.corp.example]\n"}, {}),
    Own("salt", {"/etc/salt/minion": "proxy_host: 127.0.0.1\nproxy_port: 3128\n"
                 "no_proxy: [.corp.example]\n"}, _ME),
    Own("salt", {"/etc/salt/minion": "master: a\n"}, _ENV),
)  # fmt: skip
VARIABLES = (
    {"http_proxy": PROXY},
    {"HTTP_PROXY": PROXY},
    {"https_proxy": PROXY},
    {"HTTPS_PROXY": PROXY},
    {"all_proxy": PROXY},
    {"ALL_PROXY": PROXY},
    {"http_proxy": PROXY, "NO_PROXY": "host.corp.example"},
    {"http_proxy": PROXY, "no_proxy": "other.example", "NO_PROXY": "host.corp.example"},
    {"http_proxy": PROXY, "no_proxy": "host.corp.example", "NO_PROXY": "other.example"},
    {"http_proxy": "", "HTTP_PROXY": PROXY},
    {"http_proxy": PROXY, "no_proxy": "", "NO_PROXY": "host.corp.example"},
)

# The same for https; here every question goes to a name of its own.
SECURE = (
    {"https_proxy": PROXY},
    {"HTTPS_PROXY": PROXY},
    {"http_proxy": PROXY},
    {"HTTP_PROXY": PROXY},
    {"all_proxy": PROXY},
    {"ALL_PROXY": PROXY},
    {"https_proxy": PROXY, "no_proxy": ".https.example"},
    {"https_proxy": PROXY, "no_proxy": ".corp.example"},
    {"https_proxy": "", "HTTPS_PROXY": PROXY},
)


def secure_name(client, number):
    """The name that tells which client asks, and its how manieth question it is."""
    return f"q{number}-{client}.https.example"
