"""tools-vgauth-aliases: no certificate acts as a guest user but those that the policy names."""

from inguestlib import schema as s
from inguestlib.changes import Edit, File
from inguestlib.families.tools import aliasstore, vgauth
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import compliant, control, drift, unknown
from inguestlib.redact import redacted

_CERTIFICATE = s.Str(
    pattern=r"(?i)(sha256:)?[0-9a-f]{2}(:?[0-9a-f]{2}){31}",
    wanted="a certificate's SHA-256 fingerprint in hex digits",
)

SCHEMA = {
    "vgauth_aliases": s.Struct(
        {
            "allowed": s.ListOf(
                s.Either(
                    s.Struct(
                        {
                            "certificate": s.Str(
                                s.REQUIRED,
                                _CERTIFICATE.pattern,
                                wanted=_CERTIFICATE.wanted,
                                help="the certificate's SHA-256 fingerprint in hex digits",
                            ),
                            "user": s.Str(help="only as this guest user"),
                            "subject": s.Str(help="only for this SAML subject"),
                        }
                    ),
                    _CERTIFICATE,
                ),
                help="certificates that may act as a guest user, by SHA-256 fingerprint",
            ),
            "remove": s.Bool(False, help="remove the aliases that are not allowed"),
        },
        help="certificates that VGAuth takes in place of a password",
    )
}


def observe(guest, params):
    """``{"folder", "found", "problems", "entries"}`` of the alias store.

    ``problems`` are ``{"path", "line", "text", "unread"}``: files that VGAuth would not trust, or
    (``unread``) that are no alias store. ``entries`` are those of :func:`aliasstore.parse` with
    their ``path`` and ``lines``, ``[[number, text], …]``. A certificate is public; what a
    comment holds may not be, and is masked.
    """
    del params
    folder = vgauth.store(guest)
    seen = {"folder": folder, "found": guest.is_dir(folder), "problems": [], "entries": []}
    _trusted(guest, folder, 0, seen["problems"])
    uids = _uids(guest)
    for name in guest.listdir(folder):
        user = aliasstore.user_of(name)
        if user is None and name != aliasstore.MAPPING:
            continue
        path = f"{folder}/{name}"
        private = user is not None
        _trusted(guest, path, uids.get(user) if private else 0, seen["problems"], private)
        try:
            data = guest.read_bytes(path) or b""
            for entry in aliasstore.parse(data, user):
                lines = guest.lines(path)[entry["first"] - 1 : entry["last"]]
                numbered = [(number, redacted(text)) for number, text in lines]
                seen["entries"].append({**entry, "path": path, "lines": numbered})
        except aliasstore.Malformed as exc:
            seen["problems"].append(_problem(path, exc.line, str(exc), unread=True))
    return seen


def _problem(path, line, text, unread=False):
    return {"path": path, "line": line, "text": text, "unread": unread}


def _trusted(guest, path, owner, problems, private=False):
    """Note what would make VGAuth set a file aside, or lets others write to it."""
    meta = guest.lstat(path)
    if meta is None:
        return
    if meta.kind == "link":
        problems.append(_problem(path, 0, f"a symbolic link to {meta.target}"))
        return
    # A user that only a directory service knows has no uid here: then any owner will do.
    if owner is not None and meta.uid != owner:
        problems.append(_problem(path, 0, f"owned by uid {meta.uid}, not {owner}"))
    forbidden = 0o077 if private else 0o022
    if meta.mode & forbidden:
        problems.append(_problem(path, 0, f"mode {meta.mode:04o} lets others in"))


def _uids(guest):
    accounts = (text.split(":") for _, text in guest.lines("/etc/passwd"))
    return {a[0]: int(a[2]) for a in accounts if len(a) > 2 and a[2].isdecimal()}


OBSERVERS = {"vgauth_aliases": observe}


@control(
    id="tools-vgauth-aliases",
    title="The VGAuth alias store is empty or allow-listed",
    why="An alias lets the holder of a certificate run programs as a guest user without a "
    "password.",
    severity="high",
    topic="VMware Tools channel is privileged access",
    enforceable="partial",
)
@needs_tools
def vgauth_aliases(facts, policy):
    seen, params = facts["vgauth_aliases"], policy["vgauth_aliases"]
    for path in dict.fromkeys(problem["path"] for problem in seen["problems"]):
        yield _untrusted([p for p in seen["problems"] if p["path"] == path])
    entries = {}
    for entry in seen["entries"]:
        entries.setdefault((entry["path"], entry["user"], entry["certificate"]), []).append(entry)
    for key, same in entries.items():
        yield _judge(*key, same, params)
    if not entries and not seen["problems"]:
        there = "holds no alias" if seen["found"] else "does not exist"
        yield compliant(seen["folder"], [], [], evidence=f"{seen['folder']}: {there}")


def _untrusted(problems):
    path = problems[0]["path"]
    evidence = "; ".join(f"{p['path']}:{p['line']} {p['text']}" for p in problems)
    if any(problem["unread"] for problem in problems):
        return unknown(path, "what it allows can't be told: look at it", evidence=evidence)
    expected = "owned by root or its user, and closed to others"
    note = "VGAuthService sets such a file aside when it starts; see who wrote it, then remove it"
    observed = [problem["text"] for problem in problems]
    return drift(path, observed, expected, evidence=evidence, comment=note)


def _judge(path, user, certificate, same, params):
    resource = f"{path} {user} sha256:{certificate or 'unreadable'}"
    subjects = [subject for entry in same for subject in entry["subjects"]]
    strange = [one for one in subjects if not _allowed(user, certificate, one, params["allowed"])]
    observed = {"user": user, "certificate": certificate, "subjects": _names(subjects)}
    evidence = f"{path}:{same[0]['first']} {user}: {', '.join(_names(subjects)) or 'no subject'}"
    if not strange and (subjects or _allowed(user, certificate, {"name": None}, params["allowed"])):
        return compliant(resource, observed, "allowed", evidence=evidence)
    changes, note = [], "allow it (inguest:tools:vgauth_aliases:allowed), or set remove: true there"
    if params["remove"]:
        changes = _removal(path, same, strange, len(strange) == len(subjects))
        note = "" if changes else "it shares lines with others: remove it with vmware-vgauth-cmd"
    return drift(resource, observed, "allowed", evidence=evidence, comment=note, changes=changes)


def _names(subjects):
    return ["any subject" if one["name"] is None else one["name"] for one in subjects]


def _allowed(user, certificate, subject, allowed):
    """Whether the policy names this use; an alias for any subject takes an entry for any."""
    for one in allowed:
        rule = one if isinstance(one, dict) else {"certificate": one}
        if _digits(rule["certificate"]) != certificate:
            continue
        if rule.get("user") in (None, user) and rule.get("subject") in (None, subject["name"]):
            return True
    return False


def _digits(certificate):
    return certificate.lower().removeprefix("sha256:").replace(":", "")


def _removal(path, same, strange, whole):
    """The change that takes out whole entries, or single subjects; ``[]`` where lines are shared.

    VGAuthService reads the files anew for every question.
    """
    spans = same if whole else strange
    if not all(span["own"] for span in spans):
        return []
    gone = {n for span in spans for n in range(span["first"], span["last"] + 1)}
    texts = {number: text for entry in same for number, text in entry["lines"]}
    return [File(path, edits=tuple(Edit(n, texts[n], None) for n in sorted(gone)))]


CONTROLS = (vgauth_aliases,)
