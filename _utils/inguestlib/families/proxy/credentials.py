"""proxy-no-credentials: a proxy's login stands in files of root's alone, and only the policy's."""

from inguestlib import schema as s
from inguestlib.changes import HEADER, Edit, File, Unit
from inguestlib.families.proxy import cures, logins, setting
from inguestlib.families.proxy import views as views_
from inguestlib.families.proxy.cures import environment
from inguestlib.model import compliant, control, drift, unknown
from inguestlib.redact import HIDDEN
from inguestlib.secrets import PRIVATE

CONTROL = "proxy-no-credentials"
APT = "/etc/apt/auth.conf.d/zz-inguest-proxy.conf"

SCHEMA = {
    "credentials": s.Struct(
        {
            "user": s.Str(None, r"[^\s:@]+", help="the user at the proxy", wanted="a name"),
            "password": s.Secret(help="its password: in the pillar by gpg, or an sdb:// URI"),
            "consumers": s.ListOf(
                s.Choice(("apt",)), (), help="who gets the login, in a file of root's alone"
            ),
            "units": s.ListOf(
                s.Str(None, r"[A-Za-z0-9:_.@\\-]+\.service", wanted="the name of a service"),
                (),
                help="the services that get the proxy with the login",
            ),
            "forbidden": s.Bool(False, help="remove every other login of a proxy that is found"),
        },
        help="how to log in to the proxy; without them no login is allowed anywhere",
    )
}
OBSERVERS = {"logins": logins.observe}

# Files that nobody but root's own programs reads: they work as well when only root can read them.
_OF_ROOT = ("/etc/apt/auth.conf", "/etc/docker/", "/etc/salt/", "/etc/rhsm/", "/root/")


@control(
    id=CONTROL,
    title="No proxy credentials in world-readable files",
    why="Who can read a proxy's login goes out to the Internet under somebody else's name.",
    severity="high",
    topic="Proxy server for filtering and inspecting web traffic",
    enforceable="partial",
)
def no_credentials(facts, policy):
    seen = facts["logins"]
    # The line may say more that is to change: then that change takes the login away as well.
    known = cures.edits(facts, policy) if policy["credentials"]["forbidden"] else {}
    for one in seen["files"]:
        if one["path"] not in _places(policy):
            mine = known.get((one["path"], one["line"]))
            yield _file(one, policy, facts.guest["live"], mine)
    for one in seen["processes"]:
        yield _process(one)
    yield from _wanted(facts, policy)
    for one in seen["unseen"]:
        yield unknown(one["path"], f"it could not be read: {one['why']}")
    if not seen["files"] and not seen["processes"]:
        yield compliant(
            "credentials",
            [],
            "none, or in files of root's alone",
            evidence="no file that may name a proxy holds a login, and no environment of root's",
        )


def _private(one):
    return one["uid"] == 0 and one["mode"] in PRIVATE


def _shown_to_all(one):
    """A unit's own settings are told to everybody by systemd, whatever the file's mode."""
    path = one["path"]
    return path.startswith("/etc/systemd/") and path.endswith((".conf", ".service"))


def _ours(path):
    return path == APT or path.endswith(f"/{environment.LOGIN}")


def _file(one, policy, live, edit=None):
    resource = f"{one['path']}:{one['line']}"
    observed = {"login": one["which"], "mode": one["mode"], "uid": one["uid"]}
    evidence = f"{resource} {one['text']} (mode {one['mode']}, uid {one['uid']})"
    expected = "the policy's login, in a file that only root can read"
    approved = one["which"] == "approved"
    if approved and _private(one) and not _shown_to_all(one):
        return compliant(resource, observed, expected, evidence=evidence)
    changes, comment = (), ""
    if _ours(one["path"]):  # of a policy that wanted it there
        changes = [File(one["path"], absent=True)]
        changes += [Unit("systemd", "daemon-reload")] if live and one["path"] != APT else []
    elif not approved and policy["credentials"]["forbidden"]:
        changes, comment = ([File(one["path"], edits=(edit,))], "") if edit else _removed(one)
    elif not approved:
        comment = (
            "it is not the policy's: remove it and have it changed at the proxy, or set "
            "inguest:proxy:credentials:forbidden to have it removed"
        )
    elif _shown_to_all(one):
        comment = (
            "systemctl show tells it to everybody: name the service in "
            "inguest:proxy:credentials:units, and take it out here"
        )
    elif one["path"].startswith(_OF_ROOT) and one["owner"] in ("", "root"):
        changes = (File(one["path"], mode="0600", user=0),)
    else:
        comment = "others have to read this file: take the login out, and have it changed"
    return drift(resource, observed, expected, evidence=evidence, comment=comment, changes=changes)


def _removed(one):
    """``(changes, comment)`` that take a login out of its line."""
    text = one["text"]
    if one["what"] == "password":
        new = None
    elif one["what"] == "url" and f"{HIDDEN}@" in text:
        new = text.replace(f"{HIDDEN}@", "")
    elif one["what"] == "pair" and f"{HIDDEN}@" in text:
        new = text.replace(f"{HIDDEN}@", "")
    elif one["what"] == "pair" and text.split()[0].lstrip("-") in ("proxy-user", "U"):
        new = None
    else:
        return (), "take it out by hand: its line says more than this login"
    if new is None and one["path"].endswith(".json") or (new and HIDDEN in new):
        return (), "take it out by hand: its line says more than this login"
    return (File(one["path"], edits=(Edit(one["line"], text, new),)),), ""


def _process(one):
    resource = f"process {one['name']}" + (f" of {one['unit']}" if one["unit"] else "")
    observed = {"login": one["which"]}
    evidence = f"/proc/{one['pid']}/environ names a proxy with a login"
    if one["which"] == "approved":
        return compliant(resource, observed, "the policy's login", evidence=evidence)
    comment = "it was started with it: mend where that comes from, then restart it"
    return drift(resource, observed, "the policy's login", evidence=evidence, comment=comment)


# ---- the login where the policy wants it -----------------------------------------------------


def _places(policy):
    """``{path: who}`` of the files of ours that hold the login."""
    login = policy["credentials"]
    if not (login["user"] and login["password"]):
        return {}
    out = {APT: "apt"} if "apt" in login["consumers"] else {}
    return {**out, **{environment.login_file(unit): unit for unit in login["units"]}}


def urls(policy):
    """``{scheme: URL}`` of the approved proxies, ``{}`` where there is none."""
    plain = policy["url"]
    if plain in (None, "none"):
        return {}
    secure = policy["https_url"] or plain
    return {"http": plain, "https": secure} if secure != "none" else {"http": plain}


def with_login(url, policy, *ways):
    """The URL with user and placeholder of the password; ``ways`` after the one for URLs."""
    login = policy["credentials"]
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{login['user']}:{login['password'].placeholder('url', *ways)}@{rest}"


def _wanted(facts, policy):
    login = policy["credentials"]
    asked = login["consumers"] or login["units"]
    if asked and not (login["user"] and login["password"] and urls(policy)):
        keys = "inguest:proxy:url, inguest:proxy:credentials:user and :password"
        yield unknown("the policy's login", f"{keys} are needed to log in: not all of them are set")
        return
    known, _broken = views_.sections(facts)
    there = views_.environments(known)
    for path, who in _places(policy).items():
        if who != "apt" and f"unit {who}" not in there:
            yield unknown(f"login of {who}", "there is no such service on this guest")
            continue
        text = _apt(policy) if path == APT else _environment(policy)
        changes, hooked = [File(path, content=text, mode="0600", user=0, group=0)], True
        if who != "apt":
            more, _comment = cures.place(f"unit {who}", facts, policy)
            changes += more
            hooked = any(one["path"] == path for one in facts["systemd"]["settings"])
        mine = [one for one in facts["logins"]["files"] if one["path"] == path]
        right = (
            hooked
            and len(mine) == text.count("\ue000")
            and all(one["which"] == "approved" and _private(one) for one in mine)
        )
        observed = [{k: one[k] for k in ("which", "mode", "uid")} for one in mine]
        expected = "the policy's login, readable for root alone"
        if right:
            said = f"{path} holds it (mode {mine[0]['mode']}, uid {mine[0]['uid']})"
            yield compliant(f"login of {who}", observed, expected, evidence=said)
        else:
            said = f"{path} holds {len(mine)} of {text.count(chr(0xE000))} logins as they should be"
            said += "" if hooked else f"; {who} does not read it"
            yield drift(f"login of {who}", observed, expected, evidence=said, changes=changes)


def _apt(policy):
    login, out = policy["credentials"], [HEADER]
    for url in dict.fromkeys(urls(policy).values()):
        scheme, host, port = setting.endpoint(url)
        host = f"[{host}]" if ":" in host else host
        out += [f"machine {scheme}://{host}:{port}", f"login {login['user']}"]
        out.append(f"password {login['password'].placeholder('word')}")
    return "\n".join(out) + "\n"


def _environment(policy):
    """Both spellings: Go and curl do not read the same one."""
    out = [HEADER]
    for scheme, url in urls(policy).items():
        value = with_login(url, policy)
        out += [f'{scheme}_proxy="{value}"', f'{scheme.upper()}_PROXY="{value}"']
    return "\n".join(out) + "\n"


CONTROLS = (no_credentials,)
