"""The parameters of the family. There is no built-in proxy; what is not said is not judged."""

from inguestlib import schema as s

NONE = "none"
# no user and no password in the pillar's URL: `credentials` is for those
_URL = r"none|(https?|socks5h?|socks4a?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?"
_URL_WORDS = "none, or a URL such as http://proxy.corp.example:3128 without user and password"
_PAC = r"(https?|file)://[^\s@]+"
_DESTINATION = r"(https?://)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+|[0-9A-Fa-f:]+)(:[0-9]{1,5})?/?"
_DESTINATION_WORDS = "a host, an address or a URL such as https://repo.corp.example:8443"
_ENTRY = r"[^\s,@]+"

MIRROR, ANY = "mirror", "any"

# Who may be told something of its own; `services` are systemd's, `environment` people's shells.
CONSUMERS = {
    "environment": "login shells, cron and whatever runs in them",
    "services": "systemd's services that have no settings of their own",
    "apt": "apt",
    "dnf": "dnf and yum",
    "zypper": "zypper",
    "tdnf": "tdnf",
    "docker": "the Docker daemon",
    "containers": "containerd, CRI-O, kubelet and podman",
    "git": "git",
    "pip": "pip",
    "npm": "npm",
    "curl": "curl",
    "wget": "wget",
    "snap": "snapd",
    "salt": "the Salt minion",
}


def _url(help):
    return s.Str(None, _URL, help=help, wanted=_URL_WORDS)


def _exceptions(help):
    return s.ListOf(s.Str(None, _ENTRY, wanted="a host, a suffix or a network"), None, help=help)


def _destinations(help):
    return s.ListOf(s.Str(None, _DESTINATION, wanted=_DESTINATION_WORDS), (), help=help)


def _own(who):
    return s.Either(
        s.Choice((NONE, MIRROR, ANY)),
        s.Struct(
            {
                "url": _url(f"the proxy of {who}"),
                "https_url": _url(f"the proxy of {who} for https"),
                "exceptions": _exceptions(f"the exceptions of {who}"),
            }
        ),
        help=f"{who}: none (goes directly), mirror (internal mirrors only), any, or its own proxy",
    )


SCHEMA = {
    "url": _url("the approved proxy; none where there is deliberately none"),
    "https_url": _url("the approved proxy for https, where it is another one"),
    "exceptions": _exceptions("what no_proxy should hold everywhere, no more and no less"),
    "bypass": _destinations("destinations that every consumer must reach directly"),
    "through": _destinations("destinations that every consumer must reach through the proxy"),
    "metadata": s.Bool(True, help="whether 169.254.169.254 must be reached directly"),
    "consumers": s.Struct(
        {name: _own(who) for name, who in CONSUMERS.items()},
        help="what is other than `url` and `exceptions` for single consumers",
    ),
    "units": s.MapOf(
        _own("this service"),
        key_pattern=r"[A-Za-z0-9:_.@\\-]+\.service",
        help="what is other than `url` and `exceptions` for single services",
    ),
    "restart": s.Either(
        s.Bool(),
        s.ListOf(s.Str(None, r"[A-Za-z0-9:_.@\\-]+\.service", wanted="the name of a service")),
        default=False,
        help="services that may be restarted when their environment changes: true, or which ones",
    ),
    "discovery": s.Struct(
        {
            "pac": s.Str(
                None, _PAC, help="the managed PAC file that may be used", wanted="the URL of a PAC"
            ),
        },
        help="automatic proxy discovery, which is off unless a managed PAC is named",
    ),
    "daemons": s.Struct(
        {
            "allowed": s.ListOf(
                s.Str(), (), help="proxy and tunnel programs that this guest is meant to run"
            ),
            "remove": s.Bool(False, help="remove the packages of the others"),
        },
        help="proxies and tunnels that run on the guest itself",
    ),
}
