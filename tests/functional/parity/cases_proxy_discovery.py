"""Proxies that are found: by a connection of NetworkManager, and by a program that apt asks."""

from support.cases import Case, write

LIVE_CURES = {"proxy-daemon-absent"}  # a package

_APT = "/etc/apt/apt.conf.d/01detect"
FILES = {
    "/etc/os-release": "ID=debian\n",
    "/etc/hostname": "web1\n",
    "/usr/bin/apt-get": "",
    _APT: '// of the office\nAcquire::http::Proxy-Auto-Detect "/usr/bin/auto-apt-proxy";\n',
    "/etc/NetworkManager/system-connections/lan.nmconnection": (
        "[connection]\nid=lan\ntype=ethernet\n\n[proxy]\nbrowser-only=false\nmethod=1\n"
        "pac-url=http://wpad/wpad.dat\n"
    ),
    "/etc/NetworkManager/system-connections/wlan.nmconnection": (
        "[connection]\nid=wlan\ntype=ethernet\n[proxy]\nmethod=auto\n"
    ),
}
CASES = [
    Case(
        "proxies that are found",
        "proxy",
        lambda root: write(root, FILES),
        {"proxy": {"mode": "enforce", "url": "none"}},
        ("proxy-wpad-off", "proxy-package-manager"),
        ("proxy-wpad-off", "proxy-package-manager"),
    ),
]
