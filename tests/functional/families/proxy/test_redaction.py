"""A login in every place that a consumer reads: none comes out in facts, report or changes."""

import json

import pytest

from inguestlib import audit, families, policy
from inguestlib.guest import Guest

SECRET = "s3cr3tPW"
URL = f"http://joe:{SECRET}@proxy.corp.example:3128"
PROGRAMS = ("apt-get", "git", "pip3", "npm", "curl", "wget", "dockerd", "salt-minion", "python3",
            "dnf", "podman", "zypper", "tdnf", "snap", "firefox")  # fmt: skip
FILES = {
    "/etc/os-release": "ID=debian\n",
    "/usr/lib/systemd/systemd": "",
    "/etc/environment": f"http_proxy={URL}\nno_proxy=a,{URL},b\n",
    "/etc/profile.d/x.sh": f"export https_proxy={URL} no_proxy=joe:{SECRET}@x\n"
    f'export HTTP_PROXY="http://joe:{SECRET}\n@proxy"\n',
    "/etc/security/pam_env.conf": f"https_proxy DEFAULT={URL}\n",
    "/etc/environment.d/a.conf": f"http_proxy={URL}\n",
    "/etc/apt/apt.conf.d/9": f'Acquire::http::Proxy "{URL}"; Acquire::http::Proxy::h '
    f'"http://x:{SECRET}@y"; Acquire::http::Proxy-Auto-Detect "/x {SECRET}@";',
    "/etc/dnf/dnf.conf": f"[main]\nproxy={URL}\nproxy_password={SECRET}\nproxy_username={SECRET}\n",
    "/etc/tdnf/tdnf.conf": f"[main]\nproxy={URL}\n",
    "/etc/yum.repos.d/a.repo": f"[a]\nbaseurl=https://u:{SECRET}@repo/x\nproxy={URL}\n"
    f"password={SECRET}\n",
    "/etc/rhsm/rhsm.conf": f"[server]\nproxy_hostname=p\nproxy_user=u\nproxy_password={SECRET}\n",
    "/etc/docker/daemon.json": json.dumps(
        {"proxies": {"http-proxy": URL, "no-proxy": f"joe:{SECRET}@h"}, "x": SECRET}
    ),
    "/root/.docker/config.json": json.dumps(
        {"auths": {"r": {"auth": SECRET}}, "proxies": {"default": {"httpProxy": URL}}}
    ),
    "/etc/containers/containers.conf": f'[engine]\nenv = ["http_proxy={URL}", "X={SECRET}"]\n',
    "/root/.gitconfig": f'[http]\nproxy={URL}\n[http "https://u:{SECRET}@git.example"]\n'
    f"proxy={URL}\n",
    "/etc/pip.conf": f"[global]\nproxy={URL}\nindex-url=https://u:{SECRET}@i/\n",
    "/etc/npmrc": f"proxy={URL}\n//r/:_authToken={SECRET}\nhttps-proxy={URL}\n",
    "/root/.curlrc": f"proxy={URL}\nproxy-user=joe:{SECRET}\nuser=joe:{SECRET}\n-U joe:{SECRET}\n"
    f"noproxy=joe:{SECRET}@x\n",
    "/etc/wgetrc": f"http_proxy={URL}\nproxy_password={SECRET}\npassword={SECRET}\n",
    "/var/lib/snapd/state.json": json.dumps(
        {"data": {"config": {"core": {"proxy": {"http": URL}}}}, "k": SECRET}
    ),
    "/etc/salt/minion": f"master: a\nproxy_host: p\nproxy_port: 1\nproxy_password: {SECRET}\n",
    "/etc/systemd/system.conf": f"[Manager]\nDefaultEnvironment=http_proxy={URL}\n",
    "/etc/systemd/system/docker.service": "[Service]\nExecStart=/x\n"
    f'Environment="HTTP_PROXY={URL}" "NO_PROXY=x:{SECRET}@y"\n',
    "/etc/NetworkManager/system-connections/a.nmconnection": "[proxy]\nmethod=auto\n"
    f"pac-url=http://u:{SECRET}@pac/x\npac-script=var x='{SECRET}'\n",
    "/etc/firefox/policies/policies.json": json.dumps(
        {"policies": {"Proxy": {"Mode": "autoConfig", "AutoConfigURL": URL}}}
    ),
    "/etc/sysconfig/proxy": f'PROXY_ENABLED="yes"\nHTTP_PROXY="{URL}"\n',
}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"url": "none"},
        {"url": "http://proxy.corp.example:3128", "exceptions": ["a"], "bypass": ["b"]},
    ],
    ids=["nothing said", "none", "a proxy"],
)
def test_no_login_comes_out(tmp_path, params):
    for path, text in {**FILES, **{f"/usr/bin/{name}": "" for name in PROGRAMS}}.items():
        (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path[1:]).write_text(text)
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin/init").symlink_to("/usr/lib/systemd/systemd")
    pillar = {name: {"mode": "off"} for name in families.all_families()}
    pillar["dns"]["servers"] = ["10.0.0.53"]
    pillar["proxy"] = {"mode": "enforce", **params}
    loaded = policy.load(pillar, families=families.all_families()).for_guest("web1")
    facts = audit.observe(Guest(tmp_path), loaded)
    report = audit.audit(Guest(tmp_path), loaded)
    for shown in (json.dumps(facts), json.dumps(report)):
        at = shown.find(SECRET)
        assert at < 0, shown[max(at - 200, 0) : at + 20]
    assert not [f for f in report["findings"] if f["verdict"] == "error"]
    found = [s for c in facts["proxy"].values() if "settings" in c for s in c["settings"]]
    assert sum(1 for one in found if one.get("credentials")) >= 30
