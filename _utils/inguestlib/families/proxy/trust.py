"""proxy-ca-trust: the inspection CA is trusted, and no other anchor was added."""

from inguestlib import schema as s
from inguestlib.changes import Edit, File, Refresh
from inguestlib.families.proxy import anchors
from inguestlib.families.proxy.certificate import Fingerprint, Pem
from inguestlib.model import compliant, control, drift, unknown

CONTROL = "proxy-ca-trust"

SCHEMA = {
    "ca": s.Struct(
        {
            "certificates": s.MapOf(
                s.Struct(
                    {
                        "pem": Pem(None, help="the certificate itself"),
                        "file": s.Str(
                            None, r"/.*", help="a file of the guest with it", wanted="a path"
                        ),
                        "fingerprint": Fingerprint(None, help="what it has to be, SHA-256"),
                    }
                ),
                key_pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
                help="the inspection authority, and others that have to be trusted, by a name",
            ),
            "allowed": s.ListOf(
                Fingerprint(), help="SHA-256 fingerprints of other anchors that may be there"
            ),
            "remove_unexpected": s.Bool(
                False, help="remove the anchors that the policy does not name"
            ),
        },
        help="which authorities are trusted beside the distribution's own",
    )
}
OBSERVERS = {"anchors": anchors.observe}


@control(
    id=CONTROL,
    title="The inspection CA is the only added trust anchor",
    why="Who holds the key of an added anchor can read and change all that TLS protects.",
    severity="high",
    topic="Proxy server for filtering and inspecting web traffic",
    enforceable="yes",
)
def ca_trust(facts, policy):
    seen, wanted = facts["anchors"], policy["ca"]
    if seen["layout"] is None:
        yield unknown("trust anchors", "where this distribution keeps added anchors is not known")
        return
    chosen = bool(wanted["certificates"] or wanted["allowed"])
    refresh = _refresh(facts, seen)
    for name in wanted["certificates"]:
        yield from _required(name, seen, policy, refresh)
    known = {one["fingerprint"] for one in seen["given"].values()} | set(wanted["allowed"])
    known.discard(None)
    strangers = [one for one in seen["anchors"] if one["fingerprint"] not in known]
    for one in strangers:
        yield _stranger(one, seen, known, policy, refresh) if chosen else _undecided(one)
    for one in seen["unexplained"]:
        if one["fingerprint"] not in known:
            yield (
                _unexplained(one, seen, policy, refresh)
                if chosen
                else _undecided({**one, "path": seen["bundle"]["path"]})
            )
    if not strangers:
        yield _nothing_else(seen, known)


def _refresh(facts, seen):
    """The change that makes the bundle anew, where this guest can do that now."""
    live = facts.guest["live"] and seen["tool"]
    return (Refresh(seen["layout"]["refresh"]),) if live else ()


def _where(one):
    return f"{one['path']}:{one['line']}" if one.get("line") else one["path"]


def _said(one):
    return f"{_where(one)} sha256 {one['fingerprint']} ({one['subject']})"


def _ours(name, seen):
    return f"{seen['layout']['added']}/inguest-{name}{seen['layout']['suffix']}"


def _required(name, seen, policy, refresh):
    """Of one certificate: whether it lies where the tool takes it from, and what came of that."""
    given, layout = seen["given"][name], seen["layout"]
    resource = f"anchor {name}"
    if given["problem"]:
        wanted = given["fingerprint"]
        yield drift(resource, given["problem"], wanted, comment="it is not installed")
        return
    if not given["pem"]:
        key = f"inguest:proxy:ca:certificates:{name}"
        yield unknown(resource, f"{key} has neither pem nor file: say which certificate it is")
        return
    mine = [one for one in seen["anchors"] if one["fingerprint"] == given["fingerprint"]]
    observed = [_where(one) for one in mine]
    if not mine:
        changes = (
            File(_ours(name, seen), content=given["pem"], mode="0644", user=0, group=0),
            *refresh,
        )
        said = f"{layout['added']} does not hold sha256 {given['fingerprint']}"
        yield drift(resource, observed, given["fingerprint"], evidence=said, changes=changes)
    elif given["not_after"] and given["not_after"] < policy.now:
        comment = f"it has expired on {given['not_after']}: give a new one"
        yield drift(resource, observed, "in force", evidence=_said(mine[0]), comment=comment)
    else:
        said = "; ".join(map(_said, mine))
        yield compliant(resource, observed, given["fingerprint"], evidence=said)
    yield _in_bundle(name, given["fingerprint"], seen, refresh)


def _in_bundle(name, fingerprint, seen, refresh):
    path, tool = seen["bundle"]["path"], seen["layout"]["tools"][0]
    resource = f"{path} {name}"
    if seen["trusted"].get(fingerprint):
        return compliant(resource, True, True, evidence=f"{path} holds sha256 {fingerprint}")
    comment = ""
    if not seen["tool"]:
        comment = f"{tool} is not there: install the distribution's ca-certificates"
    elif not refresh:
        comment = f"{tool} makes it: run that in the image, or when it first starts"
    said = f"{path} does not hold sha256 {fingerprint}"
    return drift(resource, False, True, evidence=said, comment=comment, changes=refresh)


def _stranger(one, seen, known, policy, refresh):
    comment = ""
    changes = ()
    beside = {other["fingerprint"] for other in seen["anchors"] if other["path"] == one["path"]}
    if beside & known:
        comment = "its file holds an approved anchor as well: take this one out by hand"
    elif not policy["ca"]["remove_unexpected"]:
        comment = "allow it by inguest:proxy:ca:allowed, or set inguest:proxy:ca:remove_unexpected"
    elif one["line"]:
        edit = Edit(one["line"], one["text"], f"!{one['text'].strip()}")
        changes = (File(anchors.CONF, edits=(edit,)), *refresh)
    else:
        changes = (File(one["path"], absent=True), *refresh)
    return drift(
        f"{one['path']} {one['fingerprint'][:16]}",
        {"fingerprint": one["fingerprint"], "subject": one["subject"], "trusted": one["trusted"]},
        "no anchor that the policy does not name",
        evidence=_said(one),
        comment=comment,
        changes=changes,
    )


def _undecided(one):
    return unknown(
        f"{one['path']} {one['fingerprint'][:16]}",
        "an added anchor, of which the policy says nothing: name it in "
        "inguest:proxy:ca:certificates or inguest:proxy:ca:allowed",
        observed={"fingerprint": one["fingerprint"], "subject": one["subject"]},
        evidence=_said(one),
    )


def _unexplained(one, seen, policy, refresh):
    """In the bundle only: making the bundle anew takes it out."""
    path = seen["bundle"]["path"]
    remove = policy["ca"]["remove_unexpected"]
    return drift(
        f"{path} {one['fingerprint'][:16]}",
        {"fingerprint": one["fingerprint"], "subject": one["subject"]},
        "only anchors that have a source",
        evidence=_said({**one, "path": path}),
        comment=""
        if remove
        else "nothing but this bundle has it: making the bundle anew removes it",
        changes=refresh if remove else (),
    )


def _nothing_else(seen, known):
    bundle = seen["bundle"]
    held = [_said(one) for one in seen["anchors"]]
    found = "; ".join(held) if held else f"{seen['layout']['added']} adds none"
    return compliant(
        "added anchors",
        [one["fingerprint"] for one in seen["anchors"]],
        sorted(known),
        evidence=f"{found}; {bundle['path']}: {bundle['count'] or 0} certificates",
    )


CONTROLS = (ca_trust,)
