"""The family proxy on a real machine: clients take the proxy, and go past it where they must."""

from collections import namedtuple

import pytest
from integration.containers.seen import of, state

from support.certificates import authority
from support.webproxy import Proxy, Web

pytestmark = [pytest.mark.integration, pytest.mark.container, pytest.mark.slow]

PASSWORD = "s3nt1nel/p@ss:%x"
SPELLED = ("s3nt1nel", "czNudDFuZWw")  # as it is, and in base64
PROBE = """\
[Service]
Type=oneshot
ExecStart=/usr/bin/curl -sS --max-time 10 http://service.example.org/
"""
DAEMON = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
DAEMONS = ("restarted.service", "lagging.service")
CORP, ROGUE = authority("Corp Inspection"), authority("Rogue")
ANCHORS = "/usr/local/share/ca-certificates"
SECRET_FILES = {
    "/etc/apt/auth.conf.d/zz-inguest-proxy.conf",
    "/etc/systemd/system/probe.service.d/zz-inguest-proxy.env",
}
World = namedtuple("World", "proxy web tls url")
Machine = namedtuple("Machine", "minion world planned first")


@pytest.fixture(scope="module")
def world(wire, tmp_path_factory):
    """A proxy, a web server for what goes directly, and a TLS server behind the proxy."""
    pem = tmp_path_factory.mktemp("tls") / "server.pem"
    pem.write_text(CORP.server("secure.example.org"))
    servers = [
        Web(wire.master, 8443, pem),
        Web(wire.master, 8000),
        Proxy(wire.master, 3128, (wire.master, 8443)),
    ]
    tls, web, proxy = (server.start() for server in servers)
    yield World(proxy, web, tls, f"http://{wire.master}:3128")
    for server in servers:
        server.stop()


def policy(world, **params):
    return {
        "mode": "off",
        "proxy": {
            "mode": "enforce",
            "url": world.url,
            "bypass": ["http://web.corp.example:8000"],
            "through": ["http://www.example.org"],
            "units": {name: {"url": world.url} for name in ("probe.service", *DAEMONS)},
            "restart": ["restarted.service"],
            "ca": {"certificates": {"corp": {"pem": CORP.pem}}, "remove_unexpected": True},
            **params,
        },
    }


def prepared(container):
    """Drift of every kind, as an administrator would leave it."""
    run = container.run
    container.write("/etc/apt/sources.list", "deb [trusted=yes] http://apt.example.org/ x main\n")
    container.write("/etc/apt/apt.conf.d/90proxy", 'Acquire::http::Proxy "http://old:1";\n')
    container.write("/etc/profile.d/old.sh", "export http_proxy=http://old:1\n")
    container.write("/etc/environment", "https_proxy=http://ann:gone@old:1\n")
    container.write("/etc/gitconfig", "[http]\n\tproxy = http://old:1\n")
    container.write("/etc/systemd/system/probe.service", PROBE)
    container.write(f"{ANCHORS}/rogue.crt", ROGUE.pem)
    run("update-ca-certificates", check=True)
    for name in DAEMONS:
        container.write(f"/etc/systemd/system/{name}", DAEMON)
    run("systemctl", "daemon-reload", check=True)
    run("systemctl", "enable", "--now", *DAEMONS, check=True)


@pytest.fixture(scope="module")
def machine(salted, world):
    """A machine that drifts, after its first highstate."""
    with salted("bookworm", "proxy") as minion:
        prepared(minion.container)
        minion.pillar({"inguest": policy(world)})
        planned = state(minion.salt("state.highstate", test=True))
        first = state(minion.salt("state.highstate"))
        yield Machine(minion, world, planned, first)


def shell(minion, command):
    """What a command prints in a login of root's, with its own environment."""
    return minion.container.run("su", "-l", "root", "-c", command).out


def went(machine, way, command):
    """Whether a command in a login of root's asked the proxy (or the web server) for something."""
    asked = getattr(machine.world, way).asked
    del asked[:]
    shell(machine.minion, command)
    return list(asked)


def obeys(machine):
    """The real clients do what the policy says."""
    host = "http://{}.example.org/"
    for client in ("curl -s", "wget -qO-"):
        assert shell(machine.minion, f"{client} {host.format('www')}") == "proxied\n"
        assert shell(machine.minion, f"{client} http://web.corp.example:8000/") == "direct\n"
    asked = went(machine, "proxy", f"git ls-remote {host.format('git')}x")
    assert any("git.example.org" in target for target, _ in asked), asked
    assert any(answered for _, answered in apt(machine)), "apt asks the proxy"
    assert shell(machine.minion, "curl -s https://secure.example.org/") == "direct\n"
    assert went(machine, "proxy", "systemctl start probe.service") == [
        ("http://service.example.org/", True)
    ]
    report = machine.minion.salt("inguest.audit")
    # what runs since before, the minion itself first of all, is reported and not restarted
    left = {f for f in of(report, "drift", "error") if f[0] != "proxy-running-environments"}
    assert not left, report


def apt(machine):
    """What apt asks the proxy for."""
    asked = went(machine, "proxy", "apt-get -o Acquire::Retries=0 update")
    return [(target, answered) for target, answered in asked if "apt.example.org" in target]


def test_the_highstate_does_what_its_test_said(machine):
    assert machine.planned["result"] is None, machine.planned["comment"]
    assert machine.first["result"] is True, machine.first["comment"]
    assert machine.first["changes"] == machine.planned["changes"]


def test_the_clients_take_the_proxy_and_go_past_it_where_they_must(machine):
    obeys(machine)


def running(machine, unit):
    """The environment that a service was started with."""
    show = ("systemctl", "show", "-P", "MainPID", unit)
    pid = machine.minion.container.run(*show).out.strip()
    return machine.minion.container.run("cat", f"/proc/{pid}/environ").out.split("\0")


def test_a_service_is_restarted_only_where_the_policy_allows_it(machine):
    assert f"HTTPS_PROXY={machine.world.url}" in running(machine, "restarted.service")
    assert not any("PROXY" in one for one in running(machine, "lagging.service"))
    found = of(machine.minion.salt("inguest.audit"), "drift")
    behind = {resource for control, resource, _ in found if control == "proxy-running-environments"}
    assert "lagging.service" in behind and "restarted.service" not in behind


def test_the_inspection_authority_is_the_only_one_that_was_added(machine):
    assert machine.minion.container.run("ls", ANCHORS).out.split() == ["inguest-corp.crt"]
    bundle = machine.minion.container.read("/etc/ssl/certs/ca-certificates.crt")
    assert CORP.pem in bundle and ROGUE.pem not in bundle
    machine.minion.container.write(f"{ANCHORS}/rogue.crt", ROGUE.pem)
    found = of(machine.minion.salt("inguest.audit"), "drift")
    assert any(resource.startswith(f"{ANCHORS}/rogue.crt ") for _, resource, _ in found)
    assert state(machine.minion.salt("state.highstate"))["result"] is True
    assert machine.minion.container.run("ls", ANCHORS).out.split() == ["inguest-corp.crt"]


def test_the_second_highstate_has_nothing_to_do(machine):
    again = state(machine.minion.salt("state.highstate"))
    assert again["result"] is True and again["changes"] == {}, again


def test_a_login_of_the_policys_works_and_is_found_nowhere_else(machine):
    login = {
        "user": "joe",
        "password": PASSWORD,
        "consumers": ["apt"],
        "units": ["probe.service"],
    }
    machine.world.proxy.ask_for("joe", PASSWORD)
    assert not any(answered for _, answered in apt(machine)), "without the login"
    machine.minion.pillar({"inguest": policy(machine.world, credentials=login)})
    answers = [
        machine.minion.full("state.highstate", test=True),
        machine.minion.full("state.highstate"),
        machine.minion.full("inguest.audit"),
        machine.minion.full("inguest.facts"),
        machine.minion.full("inguest.policy"),
    ]
    done = state(answers[1]["ret"])
    assert done["result"] is True, done["comment"]
    assert all(answered for _, answered in apt(machine)), "with the login"
    asked = went(machine, "proxy", "systemctl start probe.service")
    assert asked[-1] == ("http://service.example.org/", True)
    for secret in SPELLED:
        assert secret not in str(answers)
    run = machine.minion.container.run
    for path in SECRET_FILES:
        assert run("stat", "-c", "%a %u:%g", path).out == "600 0:0\n"
    told = run("journalctl", "-o", "cat").out + run("systemctl", "show", "probe.service").out
    told += run("sh", "-c", "cat /proc/[0-9]*/cmdline; cat /var/log/salt/*").out
    for secret in SPELLED:
        assert secret not in told
    pattern = "|".join(SPELLED)
    folders = ("/etc", "/home", "/root", "/run", "/srv", "/tmp", "/usr/local", "/var")
    held = run("grep", "-raEl", "--devices=skip", pattern, *folders).out.split()
    assert set(held) == SECRET_FILES


def test_it_all_holds_after_a_reboot(machine):
    machine.world.proxy.login = ""
    machine.minion.pillar({"inguest": policy(machine.world)})
    machine.minion.reboot()
    assert state(machine.minion.salt("state.highstate"))["result"] is True
    obeys(machine)
    for unit in DAEMONS:
        assert f"HTTPS_PROXY={machine.world.url}" in running(machine, unit)
