"""Trees of every family of distributions: what each consumer takes, and from which line."""

import json

import pytest

from inguestlib.families.proxy import consumers, routes, views
from inguestlib.guest import Guest

P = "http://proxy.corp.example:3128"


@pytest.fixture
def tree(tmp_path):
    """``tree({path: text})``: a guest with these files; a path in a bin directory is a program."""

    def make(files, distro="debian"):
        base = {"/etc/os-release": f"ID={distro}\n", "/root/.keep": ""}
        for path, text in {**base, **files}.items():
            (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path[1:]).write_text(text)
        return Guest(tmp_path)

    return make


def facts(guest):
    return {name: module.observe(guest, None) for name, module in consumers.CONSUMERS.items()}


def taken(found, name):
    """``{scheme: (URL, path:line)}`` of the view of this name."""
    known, _ = views.sections(found)
    view = next(v for v in views.views(known) if v.name == name)
    out = {}
    for scheme in ("http", "https"):
        one = routes.proxy(view, scheme)
        out[scheme] = (one["value"], f"{one['path']}:{one['line']}") if one else None
    return out


SYSTEMD = {"/usr/lib/systemd/systemd": "", "/sbin/init": ""}


def unit(name, text):
    return {f"/etc/systemd/system/{name}": text, "/usr/lib/systemd/systemd": ""}


def login(found):
    scopes = {s["scope"]: s["variables"] for s in found["environment"]["scopes"]}
    return {
        name: (one["value"], f"{one['path']}:{one['line']}")
        for name, one in scopes["login"].items()
    }


def test_pam_then_profile_then_root(tree):
    guest = tree(
        {
            "/etc/environment": f"http_proxy={P}\nno_proxy=a\n",
            "/etc/profile.d/b.sh": 'export no_proxy="$no_proxy,b"\n',
            "/etc/profile.d/a.sh": f"export https_proxy={P}\n",
            "/root/.profile": "unset https_proxy\nexport HTTP_PROXY=$http_proxy\n",
        }
    )
    assert login(facts(guest)) == {
        "http_proxy": (P, "/etc/environment:1"),
        "no_proxy": ("a,b", "/etc/profile.d/b.sh:1"),
        "HTTP_PROXY": (P, "/root/.profile:2"),
    }


def test_a_secret_of_one_variable_is_cut_in_another(tree):
    secret = P.replace("//", "//joe:s3cr3t@")
    guest = tree(
        {
            "/etc/environment": f"http_proxy={secret}\n",
            "/etc/profile.d/a.sh": "export HTTP_PROXY=$http_proxy\n",
            "/root/.gitconfig": f"[http]\nproxy = {secret}\n",
            "/usr/bin/git": "",
            "/root/.curlrc": "proxy-user = joe:s3cr3t\n",
            "/usr/bin/curl": "",
        }
    )
    found = facts(guest)
    assert login(found)["HTTP_PROXY"][0] == P
    shown = json.dumps(found)
    assert "s3cr3t" not in shown and "joe" not in shown


@pytest.mark.parametrize("enabled,expected", [("yes", P), ("no", None)])
def test_suse_sysconfig(tree, enabled, expected):
    guest = tree(
        {
            "/etc/sysconfig/proxy": f'PROXY_ENABLED="{enabled}"\nHTTP_PROXY="{P}"\n'
            'NO_PROXY="a, b"\n',
            "/usr/bin/zypper": "",
        },
        "sles",
    )
    found = facts(guest)
    assert login(found).get("http_proxy", (None,))[0] == expected
    zypper = taken(found, "zypper (login)")["http"]
    assert zypper == ((P, "/etc/sysconfig/proxy:2") if expected else None)
    assert login(found).get("NO_PROXY", (None,))[0] == ("a, b" if expected else None)


def test_redhat_dnf_repositories_and_rhsm(tree):
    guest = tree(
        {
            "/usr/bin/dnf": "",
            "/etc/dnf/dnf.conf": f"[main]\nproxy={P}\nproxy_username=joe\nproxy_password=s3cr3t\n",
            "/etc/yum.repos.d/a.repo": "[a]\nname=a\nproxy=_none_\n[b]\nname=b\n[c]\n"
            "proxy=http://other.example:1\n",
            "/etc/rhsm/rhsm.conf": "[server]\nproxy_hostname = proxy.corp.example\n"
            "proxy_port = 3128\nno_proxy = *.corp.example\n",
        },
        "rhel",
    )
    found = facts(guest)
    assert taken(found, "dnf (login)")["https"] == (P, "/etc/dnf/dnf.conf:2")
    assert taken(found, "dnf of repo a (login)")["http"] is None
    assert taken(found, "dnf of repo c (login)")["http"][0] == "http://other.example:1"
    assert taken(found, "dnf of rhsm (login)")["https"] == (P, "/etc/rhsm/rhsm.conf:2")
    kinds = [one["kind"] for one in found["dnf"]["settings"]]
    assert kinds.count("credentials") == 2
    assert "s3cr3t" not in json.dumps(found)


def test_photon_tdnf(tree):
    files = {"/usr/bin/tdnf": "", "/etc/tdnf/tdnf.conf": f"[main]\nproxy={P}\n"}
    found = facts(tree(files, "photon"))
    assert taken(found, "tdnf (login)")["http"] == (P, "/etc/tdnf/tdnf.conf:2")


def test_services_do_not_see_the_shells(tree):
    text = "[Service]\nExecStart=/x\n"
    guest = tree(
        {
            **unit("docker.service", text),
            **unit(
                "docker.service.d/p.conf", f'[Service]\nEnvironment="HTTPS_PROXY={P}" "A=b c"\n'
            ),
            **unit("app.service", text + "EnvironmentFile=-/etc/default/app\n"),
            **unit("salt-minion.service", text),
            "/etc/default/app": f"http_proxy='{P}'\n",
            "/etc/environment": "http_proxy=http://shell:1\n",
            "/etc/systemd/system.conf": "[Manager]\nDefaultEnvironment=no_proxy=m\n",
            "/usr/bin/dockerd": "",
        }
    )
    found = facts(guest)
    dropin = "/etc/systemd/system/docker.service.d/p.conf:2"
    assert taken(found, "docker (unit docker.service)") == {"http": None, "https": (P, dropin)}
    assert taken(found, "app.service")["http"] == (P, "/etc/default/app:1")
    assert taken(found, "salt-minion.service") == {"http": None, "https": None}


def test_dockers_file_wins_over_its_unit(tree):
    guest = tree(
        {
            **unit("docker.service", '[Service]\nEnvironment="HTTP_PROXY=http://unit:1"\n'),
            "/etc/docker/daemon.json": json.dumps({"proxies": {"http-proxy": P}}, indent=1),
            "/root/.docker/config.json": json.dumps({"proxies": {"default": {"httpProxy": P}}}),
            "/usr/bin/dockerd": "",
        }
    )
    found = facts(guest)
    name = "docker (unit docker.service)"
    assert taken(found, name)["http"] == (P, "/etc/docker/daemon.json:3")
    assert taken(found, "docker of containers of root")["http"][0] == P


def test_podman(tree):
    guest = tree(
        {
            "/usr/bin/podman": "",
            "/etc/containers/containers.conf": "[containers]\nhttp_proxy = false\n"
            f'env = ["A=b", "http_proxy={P}"]\n[engine]\nenv = [\n  "HTTPS_PROXY={P}",\n]\n',
        }
    )
    found = facts(guest)
    assert taken(found, "podman (login)")["https"][0] == P
    assert taken(found, "podman's containers")["http"][0] == P


def test_people_have_settings_of_their_own(tree):
    guest = tree(
        {
            "/etc/passwd": "root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n"
            "daemon:x:1:1::/home/daemon:/bin/sh\n",
            "/home/bob/.config/pip/pip.conf": f"[global]\nproxy = {P}\n",
            "/home/bob/.npmrc": f"https-proxy = {P}\n",
            "/home/bob/.wgetrc": f"http_proxy = {P}\n",
            "/home/bob/.bashrc": "export http_proxy=http://bob:1\n",
            "/home/daemon/.npmrc": "https-proxy = http://daemon:1\n",
            **dict.fromkeys(("/usr/bin/pip3", "/usr/bin/npm", "/usr/bin/wget", "/usr/bin/git"), ""),
        }
    )
    found = facts(guest)
    assert taken(found, "pip of user bob")["http"] == (P, "/home/bob/.config/pip/pip.conf:2")
    assert taken(found, "npm of user bob (user bob)")["http"][0] == P
    assert taken(found, "wget of user bob (user bob)")["http"][0] == P
    assert taken(found, "wget of user bob (user bob)")["https"] is None
    assert "daemon:1" not in json.dumps(found)


def test_the_minions_masters(tree):
    guest = tree(
        {
            "/usr/bin/salt-minion": "",
            "/etc/salt/minion": "#master: salt\n",
            "/etc/salt/minion.d/m.conf": "master:\n  - a.corp.example\n  - 10.0.0.1:4506\n",
        }
    )
    found = facts(guest)["salt"]
    assert [(m["host"], m["line"]) for m in found["masters"]] == [
        ("a.corp.example", 1), ("10.0.0.1", 1),
    ]  # fmt: skip


def test_snapd(tree):
    state = {
        "data": {"config": {"core": {"proxy": {"http": P, "no-proxy": "a"}}}, "auth": "s3cr3t"}
    }
    guest = tree({"/usr/bin/snap": "", "/var/lib/snapd/state.json": json.dumps(state)})
    found = facts(guest)
    assert taken(found, "snap (services)")["http"][0] == P
    assert "s3cr3t" not in json.dumps(found)


def test_what_is_not_installed_is_not_judged(tree):
    found = facts(tree({"/etc/apt/apt.conf": f'Acquire::http::Proxy "{P}";'}))
    assert not found["apt"]["installed"]
    assert [v.consumer for v in views.views(views.sections(found)[0])] == []


def test_a_file_that_is_a_directory_is_unseen(tree):
    guest = tree({"/usr/bin/git": "", "/etc/gitconfig/x": ""})
    assert facts(guest)["git"]["unseen"][0]["path"] == "/etc/gitconfig"
