"""Logins of a proxy wherever clients keep them: found, never told, allowed in root's files only."""

import json
import os

import pytest

from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest
from support.cases import write

PASSWORD = "s3nt1nel/%:x"
QUOTED = "s3nt1nel%2F%25%3Ax"
DOUBLED = "s3nt1nel%%2F%%25%%3Ax"  # where % begins a specifier
URL = f"http://joe:{QUOTED}@proxy.corp.example:3128"
SYSTEM = {
    "/etc/os-release": "ID=debian\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "/usr/lib/systemd/systemd": "",
    "/sbin/init": ("->", "/usr/lib/systemd/systemd"),
    "/usr/lib/systemd/system/docker.service": "[Service]\nExecStart=/bin/true\n",
}
LOGIN = {"user": "joe", "password": PASSWORD}

# file: its text; every one of them holds the policy's login in its owner's own spelling
PLACES = {
    "/etc/environment": f"http_proxy={URL}\n",
    "/etc/environment.d/10-proxy.conf": f'HTTPS_PROXY="{URL}"\n',
    "/etc/profile.d/proxy.sh": f"export http_proxy='{URL}' no_proxy=localhost\n",
    "/etc/profile.d/old.sh": f"# export http_proxy={URL}\n",
    "/etc/security/pam_env.conf": f"http_proxy DEFAULT={URL}\n",
    "/etc/default/docker": f"export HTTP_PROXY={URL}\n",
    "/etc/sysconfig/proxy": f'HTTP_PROXY="{URL}"\n',
    "/etc/apt/apt.conf.d/90proxy": f'Acquire::http::Proxy "{URL}";\n',
    "/etc/apt/apt.conf": f'Acquire {{\n  http {{\n    Proxy "{URL}";\n  }}\n}}\n',
    "/etc/apt/auth.conf.d/p.conf": f"machine http://proxy:3128 login joe password {PASSWORD}\n",
    "/etc/dnf/dnf.conf": f"[main]\nproxy=http://p:1\nproxy_username=joe\nproxy_password={PASSWORD}\n",
    "/etc/tdnf/tdnf.conf": f"[main]\nproxy={URL}\n",
    "/etc/yum.repos.d/x.repo": f"[x]\nproxy_password = {PASSWORD}\n",
    "/etc/rhsm/rhsm.conf": f"[server]\nproxy_password = {PASSWORD}\n",
    "/etc/systemd/system.conf": f"[Manager]\nDefaultEnvironment=http_proxy=http://joe:{DOUBLED}@p:1\n",
    "/etc/systemd/system/docker.service.d/p.conf": (
        f'[Service]\nEnvironment="HTTP_PROXY=http://joe:{DOUBLED}@p:1"\n'
    ),
    "/etc/docker/daemon.json": json.dumps({"proxies": {"http-proxy": URL}}, indent=1),
    "/etc/containers/containers.conf": f'[engine]\nenv = ["http_proxy={URL}"]\n',
    "/etc/gitconfig": f"[http]\n\tproxy = {URL}\n",
    "/etc/pip.conf": f"[global]\nproxy = joe:{QUOTED}@proxy.corp.example:3128\n",
    "/etc/npmrc": f"https-proxy={URL}\n",
    "/etc/wgetrc": f"proxy_password = {PASSWORD}\n",
    "/etc/salt/minion.d/p.conf": f"proxy_host: p\nproxy_password: '{PASSWORD}'\n",
    "/root/.curlrc": f"proxy-user = joe:{PASSWORD}\n",
    "/root/.docker/config.json": json.dumps({"proxies": {"default": {"httpProxy": URL}}}, indent=1),
    "/root/.gitconfig": f'[http "https://x"]\n\tproxy = {URL}\n',
    "/root/.npmrc": f"proxy={URL}\n",
}


@pytest.fixture
def judged(tmp_path_factory):
    """``judged(files, modes, **params)``: the control's findings, and all that was told of them."""

    def judge(files, mode=0o644, **params):
        root = tmp_path_factory.mktemp("root")
        write(root, {**SYSTEM, **files})
        for path in files:
            os.chmod(root / path[1:], mode)
        pillar = {"proxy": {"mode": "enforce", **params}}
        loaded = policy.load(pillar, families=all_families(), needed=["proxy"])
        guest = Guest(root)
        facts = audit.observe(guest, loaded, ["proxy"])
        report = audit.audit(Guest(root), loaded, ["proxy"], ["proxy-no-credentials"])
        told = json.dumps([facts, report, loaded.to_dict()])
        for secret in (PASSWORD, QUOTED, "s3nt1nel"):
            assert secret not in told, [line for line in told.split('"') if "s3nt1nel" in line]
        return report["findings"]

    return judge


@pytest.mark.parametrize("path", PLACES)
def test_a_login_that_all_can_read_is_drift_whose_it_may_be(judged, path):
    for params in ({}, {"credentials": LOGIN}):
        (only,) = judged({path: PLACES[path]}, **params)
        assert only["verdict"] == "drift", only
        assert only["resource"].startswith(f"{path}:")
        assert only["observed"]["login"] == ("approved" if params else "other"), only


@pytest.mark.parametrize("path", PLACES)
def test_the_policys_login_in_a_file_of_roots_is_allowed(judged, path):
    (only,) = judged({path: PLACES[path]}, mode=0o600, credentials=LOGIN)
    told = path.startswith("/etc/systemd/")  # systemctl show tells it to everybody
    assert only["verdict"] == ("drift" if told else "compliant"), only


@pytest.mark.parametrize("path", PLACES)
def test_another_password_is_noticed(judged, path):
    login = {"user": "joe", "password": "rotated"}
    (only,) = judged({path: PLACES[path]}, mode=0o600, credentials=login)
    assert only["verdict"] == "drift" and only["observed"]["login"] == "other"


@pytest.mark.parametrize("path", sorted(PLACES))
def test_where_logins_are_forbidden_a_line_that_can_be_mended_is(judged, path):
    (only,) = judged({path: PLACES[path]}, credentials={"forbidden": True})
    by_hand = path.startswith("/etc/apt/auth.conf")
    assert bool(only["changes"]) != by_hand, only


def test_a_private_file_is_made_private(judged):
    path = "/etc/docker/daemon.json"
    (only,) = judged({path: PLACES[path]}, credentials=LOGIN)
    assert only["changes"] == [{"kind": "file", "path": path, "mode": "0600", "user": 0}]


def test_a_file_that_others_have_to_read_is_left_to_a_person(judged):
    (only,) = judged({"/etc/wgetrc": PLACES["/etc/wgetrc"]}, credentials=LOGIN)
    assert not only["changes"] and "others have to read" in only["comment"]


def test_files_without_a_login_are_compliant(judged):
    files = {
        "/etc/environment": "http_proxy=http://proxy:3128\nno_proxy=a@b\n",
        "/etc/wgetrc": "#proxy_user = \nhttps_proxy = http://proxy/@x\n",
        "/etc/apt/auth.conf.d/repo.conf": "machine repo.example/debian login u password p\n",
        "/etc/default/useradd": "SHELL=/bin/sh\n",
    }
    (only,) = judged(files)
    assert only["verdict"] == "compliant", only


def test_the_login_is_put_where_the_policy_wants_it(judged):
    login = {**LOGIN, "consumers": ["apt"], "units": ["docker.service"]}
    found = {
        f["resource"]: f
        for f in judged({}, url="http://proxy.corp.example:3128", credentials=login)
    }
    for who, path in (
        ("apt", "/etc/apt/auth.conf.d/zz-inguest-proxy.conf"),
        ("docker.service", "/etc/systemd/system/docker.service.d/zz-inguest-proxy.env"),
    ):
        change = found[f"login of {who}"]["changes"][0]
        assert (change["path"], change["mode"], change["user"]) == (path, "0600", 0)
        assert "***" in change["content"]


def test_a_login_without_its_proxy_is_unknown(judged):
    found = judged({}, credentials={"consumers": ["apt"]})
    assert any(f["verdict"] == "unknown" and "inguest:proxy:url" in f["comment"] for f in found)
