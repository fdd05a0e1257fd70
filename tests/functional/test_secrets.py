"""No secret that lies beside a setting is shown: facts, reports, plans, returns, logs, traces."""

import json
import logging
import os

import pytest

from support.cases import write

SECRET = "hunter2-never-shown"

TREE = {
    "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
    "/etc/hostname": "web1\n",
    "/usr/lib/systemd/systemd": "",
    "/sbin/init": ("->", "/usr/lib/systemd/systemd"),
    "/etc/resolv.conf": "nameserver 8.8.8.8\n",
    "/etc/NetworkManager/NetworkManager.conf": "[main]\nplugins=keyfile\n",
    "/etc/NetworkManager/system-connections/wifi.nmconnection": (
        "[connection]\nid=wifi\ntype=wifi\n\n[wifi-security]\nkey-mgmt=wpa-psk\n"
        f"psk={SECRET}\n\n[ipv4]\nmethod=auto\ndns=8.8.8.8;\n"
    ),
    "/etc/netplan/50-wifi.yaml": (
        "network:\n  version: 2\n  wifis:\n    wlan0:\n      dhcp4: true\n"
        f'      access-points:\n        corp:\n          password: "{SECRET}"\n'
        "      nameservers:\n        addresses: [8.8.8.8]\n"
    ),
    "/etc/network/interfaces": (
        f"auto wlan0\niface wlan0 inet dhcp\n    wpa-psk {SECRET}\n    dns-nameservers 8.8.8.8\n"
    ),
    "/etc/wpa_supplicant.conf": f"psk={SECRET}\n",
    "/etc/docker/daemon.json": json.dumps(
        {"dns": ["8.8.8.8"], "proxies": {"http-proxy": f"http://u:{SECRET}@proxy:3128"}}
    ),
    "/etc/crypttab": "data /dev/sdb1 /etc/keys/data.key luks\n",
    "/etc/keys/data.key": SECRET,
    "/boot/grub/grub.cfg": f"set superusers=root\npassword_pbkdf2 root {SECRET}\n",
    "/etc/grub.d/40_custom": f"set superusers=root\npassword root {SECRET}\n",
    "/etc/fstab": (
        f"UUID=1 / ext4 defaults 0 1\n//nas/data /data cifs username=u,password={SECRET} 0 0\n"
    ),
    "/etc/chrony/chrony.conf": "pool pool.example iburst\nkeyfile /etc/chrony/chrony.keys\n",
    "/etc/chrony/chrony.keys": f"1 SHA1 {SECRET}\n",
    "/etc/bind/named.conf": (
        f'key "k" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'
        "options { forwarders { 8.8.8.8; }; };\n"
    ),
    "/etc/systemd/system/app.service": (
        f'[Service]\nExecStart=/bin/true\nEnvironment="TOKEN={SECRET}"\n'
        "[Install]\nWantedBy=multi-user.target\n"
    ),
    "/etc/rsyslog.conf": f'action(type="omhttp" server="log" uid="u" pwd="{SECRET}")\n',
}

PILLAR = {
    "mode": "enforce",
    "dns": {"servers": ["10.0.0.53", "10.0.1.53"]},
    "services": {"required": {"app.service": {}}},
}


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "tree", TREE)
    os.chmod(tmp_path / "tree/etc/NetworkManager/system-connections/wifi.nmconnection", 0o600)
    return tmp_path / "tree"


@pytest.mark.parametrize("call", ["facts", "audit", "plan", "apply"])
def test_nothing_shows_it(loaded, root, caplog, call):
    functions, _states = loaded(PILLAR)
    with caplog.at_level(logging.DEBUG):
        out = functions[f"inguest.{call}"](root=str(root))
    assert SECRET not in json.dumps(out)
    assert SECRET not in caplog.text


def test_the_state_shows_no_neighbours_and_the_secret_stays(loaded, root):
    _functions, states = loaded(PILLAR)
    ret = states["inguest.enforced"](name="x", root=str(root))
    assert ret["changes"], ret
    assert SECRET not in json.dumps(ret)
    for path, text in TREE.items():
        if SECRET in text:
            assert SECRET in (root / path[1:]).read_text(), f"{path} has lost its secret"
    assert not (root / "var/lib/inguest").exists(), "the journal's before-images are gone"
