"""Drift of the family ``dns`` in what runs on the guest itself, one case for each control."""

from support.cases import Case, write

SERVERS = ["10.0.0.53", "10.0.1.53"]
BASE = {
    "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
    "/etc/hostname": "web1\n",
    "/etc/systemd/system/default.target": "[Unit]\nDescription=Default\n",
}
UNIT = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=default.target\n"


def _case(name, files, *drifts, **params):
    """A case of the drifting controls alone."""
    return Case(
        name,
        "dns",
        lambda root: write(root, {**BASE, **files}),
        {"dns": {"mode": "enforce", "servers": SERVERS, **params}},
        drifts,
        controls=drifts,
    )


def _server(program, unit, **files):
    where = f"/usr/lib/systemd/system/{unit}"
    return {
        f"/usr/sbin/{program}": "",
        where: UNIT,
        f"/etc/systemd/system/default.target.wants/{unit}": ("->", where),
        **files,
    }


CASES = [
    _case(
        "dnsmasq that follows a public resolv.conf and serves the network",
        _server(
            "dnsmasq",
            "dnsmasq.service",
            **{
                "/etc/dnsmasq.conf": "conf-dir=/etc/dnsmasq.d/,*.conf\ninterface=eth0\n",
                "/etc/dnsmasq.d/a.conf": "server=/corp.example/192.0.2.1 # old\n",
                "/etc/resolv.conf": "nameserver 8.8.8.8\n",
            },
        ),
        "dns-local-forwarders",
        "dns-no-open-resolver",
    ),
    _case(
        "unbound that asks the roots",
        _server(
            "unbound",
            "unbound.service",
            **{"/etc/unbound/unbound.conf": "server:\n  interface: 0.0.0.0\n  verbosity: 1\n"},
        ),
        "dns-local-forwarders",
        "dns-no-open-resolver",
    ),
    _case(
        "named in one line",
        _server(
            "named",
            "named.service",
            **{"/etc/named.conf": "options { forwarders { 8.8.8.8; }; listen-on { any; }; };\n"},
        ),
        "dns-local-forwarders",
        "dns-no-open-resolver",
    ),
    _case(
        "a resolver without a query log",
        _server(
            "named",
            "named.service",
            **{"/etc/bind/named.conf": "options {\n  querylog no;\n  recursion no;\n};\n"},
        ),
        "dns-query-logging",
        role="resolver",
    ),
    _case(
        "browsers with DNS over HTTPS",
        {
            "/usr/bin/firefox": "",
            "/usr/bin/chromium": "",
            "/etc/firefox/policies/policies.json": '{\n  "policies": {\n    "X": 1\n  }\n}\n',
        },
        "dns-no-encrypted-bypass",
    ),
    _case(
        "an override in the hosts file",
        {"/etc/hosts": "127.0.0.1 localhost\n192.0.2.7 salt # mine\n"},
        "dns-hosts-file",
    ),
    _case(
        "multicast DNS in nsswitch.conf",
        {"/etc/nsswitch.conf": "hosts: files mdns4_minimal [NOTFOUND=return] dns\n"},
        "dns-nsswitch",
    ),
    _case(
        "a container engine with public resolvers",
        {
            "/etc/docker/daemon.json": '{\n  "dns": [\n    "8.8.8.8"\n  ]\n}\n',
            "/usr/bin/podman": "",
            "/etc/containers/containers.conf": '[containers]\ndns_servers = ["1.1.1.1"]\n',
        },
        "dns-container-resolvers",
    ),
]
