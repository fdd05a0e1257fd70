"""Drift of declared units: not enabled, masked, no restarts, no ordering, slow to stop."""

from support.cases import Case, write

LIB = "/usr/lib/systemd/system"
ETC = "/etc/systemd/system"
SERVICE = "[Service]\nExecStart=/usr/bin/app\n"
INSTALL = "\n[Install]\nWantedBy=multi-user.target\n"

SYSTEM = {
    "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
    "/usr/lib/systemd/systemd": "",
    f"{LIB}/default.target": ("->", "multi-user.target"),
    f"{LIB}/multi-user.target": "[Unit]\nRequires=basic.target\n",
    f"{LIB}/basic.target": "[Unit]\nWants=timers.target sockets.target\n",
    f"{LIB}/timers.target": "[Unit]\nDescription=Timers\n",
    f"{LIB}/sockets.target": "[Unit]\nDescription=Sockets\n",
    f"{LIB}/network-online.target": "[Unit]\nDescription=Online\n",
}


def case(name, files, required, drifts, **params):
    controls = sorted({*drifts, "services-required-enabled"})
    return Case(
        name,
        "services",
        lambda root: write(root, {**SYSTEM, **files}),
        {"services": {"mode": "enforce", "required": required, **params}},
        tuple(drifts),
        controls,
    )


ENABLED = "services-required-enabled"
RESTART = "services-restart-policy"
ORDERING = "services-boot-ordering"
STOP = "services-graceful-stop"

CASES = [
    case(
        "disabled, without restarts, ordering or a limit to its stop",
        {
            f"{LIB}/app.service": SERVICE + "TimeoutStopSec=infinity\n" + INSTALL,
            f"{LIB}/systemd-networkd.service": SERVICE + INSTALL,
            f"{ETC}/multi-user.target.wants/systemd-networkd.service": (
                "->",
                f"{LIB}/systemd-networkd.service",
            ),
            f"{LIB}/systemd-networkd-wait-online.service": SERVICE
            + "[Install]\nWantedBy=network-online.target\n",
        },
        {"app": {"network": True, "mounts": ["/srv/data"]}},
        (ENABLED, RESTART, ORDERING, STOP),
    ),
    case(
        "masked by a link",
        {
            f"{LIB}/app.service": SERVICE + "Restart=always\n" + INSTALL,
            f"{ETC}/app.service": ("->", "/dev/null"),
        },
        ["app"],
        (ENABLED,),
    ),
    case(
        "masked by an empty file",
        {f"{LIB}/app.service": SERVICE + "Restart=always\n" + INSTALL, f"{ETC}/app.service": ""},
        ["app"],
        (ENABLED,),
    ),
    case(
        "masked until the next boot, and enabled",
        {
            f"{LIB}/app.service": SERVICE + "Restart=always\n" + INSTALL,
            f"{ETC}/multi-user.target.wants/app.service": ("->", f"{LIB}/app.service"),
            "/run/systemd/system/app.service": ("->", "/dev/null"),
        },
        ["app"],
        (ENABLED,),
    ),
    case(
        "a service that its timer starts",
        {
            f"{LIB}/app.service": SERVICE + "Type=oneshot\n",
            f"{LIB}/app.timer": "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n",
        },
        ["app"],
        (ENABLED,),
    ),
    case(
        "an instance of a template",
        {f"{LIB}/app@.service": SERVICE + "Restart=on-failure\n" + INSTALL},
        ["app@blue"],
        (ENABLED,),
    ),
    case(
        "a limit of one start",
        {
            f"{LIB}/app.service": SERVICE + "Restart=always\nStartLimitBurst=1\n" + INSTALL,
            f"{ETC}/multi-user.target.wants/app.service": ("->", f"{LIB}/app.service"),
        },
        ["app"],
        (RESTART,),
    ),
    case(
        "our drop-in, changed by somebody",
        {
            f"{LIB}/app.service": SERVICE + INSTALL,
            f"{ETC}/multi-user.target.wants/app.service": ("->", f"{LIB}/app.service"),
            f"{ETC}/app.service.d/zz-inguest.conf": "[Service]\nRestart=no\n",
        },
        ["app"],
        (RESTART,),
    ),
    case(
        "containers whose engine is not started",
        {
            f"{LIB}/docker.service": SERVICE + "Restart=always\n" + INSTALL,
            "/usr/bin/dockerd": "",
            "/var/lib/docker/containers/c0ffee/hostconfig.json": (
                '{"RestartPolicy": {"Name": "always"}}'
            ),
            "/var/lib/docker/containers/c0ffee/config.v2.json": '{"Name": "/web"}',
        },
        ["docker"],
        ("services-container-restart",),
    ),
]
