"""The judges on facts: what is drift, for whom, and by which line."""

import pytest

from inguestlib.families.proxy.clients import package_manager, service_environments
from inguestlib.families.proxy.daemons import daemon_absent, forwards
from inguestlib.families.proxy.discovery import wpad_off
from inguestlib.families.proxy.exceptions import no_proxy_scope
from inguestlib.families.proxy.probe import enforced
from inguestlib.families.proxy.system import system_configured

from .facts import PROXY, judge, login, one, program, services, variables

ALL = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"), PROXY)


# ---- the system's own --------------------------------------------------------------------------


def test_shells_have_the_approved_proxy():
    found = judge(system_configured, {"environment": login(**ALL)}, url=PROXY)["login"]
    assert found.verdict == "compliant"
    assert f"/etc/environment:1 http_proxy={PROXY}" in found.evidence


def test_one_spelling_is_not_enough():
    found = judge(system_configured, {"environment": login(http_proxy=PROXY)}, url=PROXY)["login"]
    assert found.verdict == "drift"
    assert "HTTPS_PROXY is not set" in found.evidence


def test_another_proxy_is_named_by_its_line():
    env = login(**{**ALL, "https_proxy": "http://other.example:8080"})
    found = judge(system_configured, {"environment": env}, url=PROXY)["login"]
    assert found.verdict == "drift"
    assert "/etc/environment:3 https_proxy=http://other.example:8080" in found.evidence


def test_all_proxy_must_not_lead_elsewhere():
    env = login(**ALL, ALL_PROXY="socks5://other.example:1080")
    assert judge(system_configured, {"environment": env}, url=PROXY)["login"].verdict == "drift"


def test_a_policy_without_a_proxy_is_unknown_and_names_the_key():
    found = judge(system_configured, {"environment": login(**ALL)})["login"]
    assert found.verdict == "unknown" and "inguest:proxy:url" in found.comment


def test_deliberately_none():
    assert judge(system_configured, {"environment": login()}, url="none")["login"].verdict == (
        "compliant"
    )
    assert judge(system_configured, {"environment": login(**ALL)}, url="none")["login"].verdict == (
        "drift"
    )


def test_another_proxy_for_https():
    env = login(**{**ALL, "https_proxy": "http://tls.corp.example:1",
                   "HTTPS_PROXY": "http://tls.corp.example:1"})  # fmt: skip
    found = judge(
        system_configured, {"environment": env}, url=PROXY, https_url="http://tls.corp.example:1"
    )
    assert found["login"].verdict == "compliant"


def test_systemd_needs_none_but_has_no_other():
    fine = {"environment": login(**ALL), "systemd": services()}
    assert judge(system_configured, fine, url=PROXY)["services"].verdict == "compliant"
    bad = variables("/etc/systemd/system.conf", HTTP_PROXY="http://other.example:1")
    found = judge(system_configured, {**fine, "systemd": services(bad)}, url=PROXY)["services"]
    assert found.verdict == "drift" and "/etc/systemd/system.conf:1" in found.evidence


def test_a_value_that_a_script_makes_is_unknown():
    env = login(**ALL)
    env["scopes"][0]["variables"]["http_proxy"]["known"] = False
    assert judge(system_configured, {"environment": env}, url=PROXY)["login"].verdict == "unknown"


# ---- consumers -----------------------------------------------------------------------------------


def test_a_package_manager_takes_its_own_setting_over_the_environment():
    own = {"http": one("Acquire::http::Proxy", "http://other.example:1", "/etc/apt/apt.conf.d/9")}
    sections = {"environment": login(**ALL), "apt": program(own)}
    found = judge(package_manager, sections, url=PROXY)["apt (login)"]
    assert found.verdict == "drift"
    assert found.observed == {"http": "http://other.example:1", "https": PROXY}
    assert "/etc/apt/apt.conf.d/9:1" in found.evidence


def test_a_package_manager_is_judged_where_it_runs():
    """The shells' proxy is nothing to a timer: systemd's services don't read /etc/environment."""
    sections = {"environment": login(**ALL), "systemd": services(), "apt": program()}
    found = judge(package_manager, sections, url=PROXY)
    assert found["apt (login)"].verdict == "compliant"
    assert found["apt (services)"].verdict == "drift"


def test_no_package_manager():
    found = judge(package_manager, {"environment": login()}, url=PROXY)
    assert [f.verdict for f in found.values()] == ["not_applicable"]


@pytest.mark.parametrize("host,verdict", [("mirror.corp.example", "compliant"), ("deb.x", "drift")])
def test_internal_mirrors(host, verdict):
    repository = {"manager": "apt", "host": host, "path": "/etc/apt/sources.list", "line": 1}
    sections = {"environment": login(), "apt": program(), "repositories": [repository]}
    params = {"bypass": ["mirror.corp.example"], "consumers": {"apt": "mirror"}}
    found = judge(package_manager, sections, url=PROXY, **params)["apt (login)"]
    assert found.verdict == verdict
    assert f"/etc/apt/sources.list:1 {host}" in found.evidence


def test_a_consumer_that_the_policy_lets_alone():
    sections = {"environment": login(), "apt": program()}
    found = judge(package_manager, sections, url=PROXY, consumers={"apt": "any"})
    assert [f.verdict for f in found.values()] == ["not_applicable"]


def test_a_script_that_finds_a_proxy():
    detect = [one("Acquire::http::Proxy-Auto-Detect", "/x")]
    sections = {"environment": login(**ALL), "apt": program(discovery=detect)}
    assert judge(package_manager, sections, url=PROXY)["apt (login)"].verdict == "drift"
    assert judge(wpad_off, sections)["/etc/x: Acquire::http::Proxy-Auto-Detect"].verdict == "drift"


def test_a_daemon_has_the_environment_of_its_unit():
    docker = program(unit="docker.service")
    sections = {"environment": login(**ALL), "systemd": services(docker={}), "docker": docker}
    found = judge(service_environments, sections, url=PROXY)["docker (unit docker.service)"]
    assert found.verdict == "drift"
    unit = variables("/etc/systemd/system/docker.service.d/p.conf",
                     HTTP_PROXY=PROXY, HTTPS_PROXY=PROXY)  # fmt: skip
    sections["systemd"] = services(docker=unit)
    found = judge(service_environments, sections, url=PROXY)["docker (unit docker.service)"]
    assert found.verdict == "compliant"


def test_a_unit_of_its_own_name():
    unit = variables("/etc/systemd/system/app.service", http_proxy="http://app.corp.example:1",
                     https_proxy="http://app.corp.example:1")  # fmt: skip
    sections = {"environment": login(**ALL), "systemd": services(app=unit)}
    assert judge(service_environments, sections, url=PROXY)["app.service"].verdict == "drift"
    params = {"units": {"app.service": {"url": "http://app.corp.example:1"}}}
    found = judge(service_environments, sections, url=PROXY, **params)["app.service"]
    assert found.verdict == "compliant"


# ---- exceptions ----------------------------------------------------------------------


def test_a_star_is_too_wide():
    env = login(http_proxy=PROXY, no_proxy="localhost,*")
    found = judge(no_proxy_scope, {"environment": env}, url=PROXY)["/etc/environment: no_proxy"]
    assert found.verdict == "drift" and "*: it means every destination" in found.comment


def test_the_policys_list_is_the_list():
    params = {"url": PROXY, "exceptions": [".corp.example"], "bypass": ["10.1.2.3"]}
    for text, verdict in {
        ".corp.example,localhost,127.0.0.1,10.1.2.3,169.254.169.254": "compliant",
        ".corp.example,.other.example": "drift",
        "localhost": "drift",
    }.items():
        env = login(http_proxy=PROXY, no_proxy=text)
        found = judge(no_proxy_scope, {"environment": env}, **params)
        assert found["/etc/environment: no_proxy"].verdict == verdict, text


def test_the_same_list_means_different_things():
    env = login(http_proxy=PROXY, https_proxy=PROXY, no_proxy="localhost,127.0.0.1,10.0.0.0/8")
    sections = {
        "environment": env,
        "curl": program(version="7.88.1"),
        "wget": program(),
        "apt": program(),
    }
    params = {"url": PROXY, "bypass": ["http://10.1.2.3"], "metadata": False}
    found = judge(no_proxy_scope, sections, **params)
    assert found["destinations of curl (login)"].verdict == "compliant"
    for name in ("wget", "apt"):
        bad = found[f"destinations of {name} (login)"]
        assert bad.verdict == "drift"
        assert bad.observed == {"http://10.1.2.3": "proxy"}
        assert bad.expected == {"http://10.1.2.3": "direct"}
    sections["curl"] = program(version="7.74.0")
    found = judge(no_proxy_scope, sections, **params)
    assert found["destinations of curl (login)"].verdict == "drift"


def test_what_has_to_go_through():
    env = login(http_proxy=PROXY, https_proxy=PROXY, no_proxy="localhost,127.0.0.1,corp.example")
    params = {"url": PROXY, "through": ["http://notcorp.example"], "metadata": False}
    found = judge(
        no_proxy_scope, {"environment": env, "apt": program(), "wget": program()}, **params
    )
    assert found["destinations of apt (login)"].observed == {"http://notcorp.example": "direct"}
    assert found["destinations of wget (login)"].verdict == "compliant"


def test_the_metadata_address_and_the_master_are_not_cut_off():
    env = variables("/etc/systemd/system/m", http_proxy=PROXY, https_proxy=PROXY,
                    no_proxy="localhost,127.0.0.1")  # fmt: skip
    salt = program()
    salt["masters"] = [{"host": "salt.corp.example", "path": "/etc/salt/minion", "line": 1}]
    sections = {"systemd": services(salt_minion=env), "salt": salt}
    found = judge(no_proxy_scope, sections, url=PROXY)["destinations of salt-minion.service"]
    assert found.verdict == "drift"
    assert set(found.observed) == {
        "http://169.254.169.254", "https://169.254.169.254",
        "http://salt.corp.example", "https://salt.corp.example",
    }  # fmt: skip
    env["no_proxy"]["value"] += ",salt.corp.example,169.254.169.254"
    found = judge(no_proxy_scope, sections, url=PROXY)["destinations of salt-minion.service"]
    assert found.verdict == "compliant"


def test_nothing_to_except():
    found = judge(no_proxy_scope, {"environment": login(), "curl": program()}, url=PROXY)
    assert [f.verdict for f in found.values()] == ["not_applicable"]


# ---- the others ----------------------------------------------------------------------


def test_automatic_discovery():
    pac = one("pac-url", "http://wpad.corp.example/p.pac", found="pac")
    auto = one("method", "", path="/etc/y", found="auto")
    seen = {"discovery": {"settings": [pac, auto], "looked": [], "unseen": []}}
    found = judge(wpad_off, seen)
    assert {f.verdict for f in found.values()} == {"drift"}
    found = judge(wpad_off, seen, discovery={"pac": "http://wpad.corp.example/p.pac"})
    assert found["/etc/x: pac-url"].verdict == "compliant"
    assert found["/etc/y: method"].verdict == "drift"
    assert judge(wpad_off)["discovery"].verdict == "compliant"


def test_a_proxy_on_the_guest():
    seen = {
        "packages": {"squid": "5.7"}, "files": ["/usr/local/bin/ngrok"], "packages_error": "",
        "processes": [{"program": "squid", "pid": 7, "unit": "squid.service"}],
        "tunnels": [{"pid": 9, "option": "-R", "unit": None}],
    }  # fmt: skip
    found = judge(daemon_absent, {"daemons": seen})
    assert {r: f.verdict for r, f in found.items()} == {
        "squid": "drift", "/usr/local/bin/ngrok": "drift", "ssh -R": "drift",
    }  # fmt: skip
    assert found["squid"].evidence == "squid: package squid 5.7, a process of squid.service, pid 7"
    allowed = {"allowed": ["squid", "ngrok", "ssh"]}
    found = judge(daemon_absent, {"daemons": seen}, daemons=allowed)
    assert {f.verdict for f in found.values()} == {"compliant"}
    assert judge(daemon_absent)["proxies and tunnels"].verdict == "compliant"


def test_a_package_is_removed_where_the_policy_says_so():
    seen = {"packages": {"squid": "5.7"}, "files": [], "packages_error": "", "processes": [],
            "tunnels": []}  # fmt: skip
    assert judge(daemon_absent, {"daemons": seen})["squid"].changes == ()
    wanted = {"daemons": {"remove": True}}
    found = judge(daemon_absent, {"daemons": seen}, **wanted)["squid"]
    assert [change.describe() for change in found.changes] == ["remove package squid"]
    offline = judge(daemon_absent, {"daemons": seen}, {"live": False}, **wanted)["squid"]
    assert offline.verdict == "drift" and offline.changes == ()


@pytest.mark.parametrize(
    "line,option",
    [
        ("ssh -D 1080 host", "-D"),
        ("ssh -fND1080 host", "-D"),
        ("ssh -R 8080:localhost:80 host", "-R"),
        ("ssh -o RemoteForward=1:a:2 host", "-o RemoteForward"),
        ("ssh -L 8080:a:80 host", ""),
        ("ssh -i D host -D 1080", ""),
        ("ssh host rm -R x", ""),
        ("ssh -p22 host", ""),
        ("ssh", ""),
    ],
)
def test_ssh_that_forwards(line, option):
    assert forwards(tuple(line.split())) == option


PROBE = {"enabled": True, "canaries": ["https://out.example/"]}


@pytest.mark.parametrize(
    "direct,through,verdict",
    [
        ("silent", "answered", "compliant"),
        ("ECONNREFUSED", "answered", "compliant"),
        ("answered", "answered", "drift"),
        ("refused: 403", "answered", "drift"),
        ("silent", "refused: 407", "drift"),
        ("silent", "silent", "drift"),
        ("silent", "not tried: SOCKS", "unknown"),
    ],
)
def test_the_pair_of_attempts(direct, through, verdict):
    tried = [{"url": "https://out.example/", "direct": direct, "through": through}]
    seen = {"probe": {"tried": tried, "proxies": {}, "timeout": 5}}
    found = judge(enforced, seen, url=PROXY, probe=PROBE)["https://out.example/"]
    assert found.verdict == verdict
    assert f"directly {direct}" in found.evidence


def test_the_probe_is_off_unless_asked_for():
    assert judge(enforced, url=PROXY)["proxy probe"].verdict == "not_applicable"
    assert judge(enforced, url=PROXY, probe=PROBE)["https://out.example/"].verdict == "unknown"
