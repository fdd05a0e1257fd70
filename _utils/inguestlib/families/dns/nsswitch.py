"""The order in which names are looked up: nsswitch.conf(5), line ``hosts:``."""

from inguestlib.changes import HEADER, Edit, File
from inguestlib.families.dns.drafts import Draft, evidence
from inguestlib.model import compliant, control, drift, not_applicable
from inguestlib.schema import ListOf, Str

PATHS = ("/etc/nsswitch.conf", "/usr/etc/nsswitch.conf")  # the first one counts (SUSE: /usr/etc)
AUTHSELECT = "/etc/authselect/user-nsswitch.conf"  # what authselect makes /etc/nsswitch.conf of
ASK_DNS = ("dns", "resolve")


def parse(text, path):
    """The last ``hosts:`` line as a directive, or ``None``; a pure function."""
    found = None
    for number, line in enumerate(text.split("\n"), 1):
        body = line.partition("#")[0].rstrip()
        database, colon, value = body.partition(":")
        if colon and database.strip() == "hosts":
            parts = [[number, line, 0, len(body)]]
            found = {"option": "hosts", "value": value.strip(), "path": path, "parts": parts}
    return found


def services(value):
    """``[(service, actions), …]`` of a ``hosts:`` line; a pure function."""
    found = []
    text = value.replace("[", " [").replace("]", "] ")
    words, action = text.split(), None
    for word in words:
        if action is not None:
            action.append(word)
        elif word.startswith("["):
            action = [word]
        else:
            found.append((word, []))
            continue
        if action[-1].endswith("]"):
            if found:
                found[-1][1].append(" ".join(action))
            action = None
    return found


def wanted(value, allowed):
    """The line's value as the policy has it: foreign services out, files first, DNS asked."""
    kept = [(name, actions) for name, actions in services(value) if name in allowed]
    names = [name for name, _ in kept]
    if "files" in allowed and names[:1] != ["files"]:
        first = next((a for n, a in kept if n == "files"), [])
        kept = [("files", first), *((n, a) for n, a in kept if n != "files")]
    if not any(name in ASK_DNS for name in names):
        kept.append(("dns", []))
    return " ".join(word for name, actions in kept for word in (name, *actions))


def observe(guest, params):
    """``{"path", "line", "shipped", "authselect"}``.

    shipped
        The whole text, where the file stands under ``/usr`` and a change has to copy it.
    authselect
        The line of authselect's own source, where authselect makes the file.
    """
    path = next((p for p in PATHS if guest.exists(p)), None)
    if path is None:
        return {"path": None, "line": None, "shipped": "", "authselect": None}
    text = guest.read(path) or ""
    made = (guest.resolve(path) or "").startswith("/etc/authselect/")
    source = guest.read(AUTHSELECT) if made else None
    return {
        "path": path,
        "line": parse(text, path),
        "shipped": text if path != PATHS[0] else "",
        "authselect": parse(source, AUTHSELECT) if source else None,
    }


@control(
    id="dns-nsswitch",
    title="Name service order is the expected one",
    why="Multicast DNS, WINS or NIS before DNS let any neighbour answer for an internal name.",
    severity="low",
    topic="Restrict DNS to internal, managed servers",
    references={
        "stig": ["RHEL-09-252035"],
        "nist_800_53": ["CM-6(a)", "SC-20(a)"],
        "complianceascode": ["network_configure_name_resolution"],
    },
    enforceable="yes",
    tier=2,
)
def nsswitch(facts, policy):
    seen, allowed = facts["nsswitch"], policy["nsswitch"]
    path, line = seen["path"], seen["line"]
    if path is None:
        yield not_applicable(PATHS[0], "there is no nsswitch.conf: the C library does not read one")
        return
    lines = [found for found in (line, seen["authselect"]) if found]
    value = line["value"] if line else ""
    good = wanted(value, allowed)
    wrong = [found for found in lines if not _same(found["value"], wanted(found["value"], allowed))]
    if line and not wrong:
        yield compliant(path, value, good, evidence=evidence([line]))
        return
    yield drift(
        path,
        value or None,
        good,
        evidence=evidence(wrong) or f"{path} has no line hosts:",
        changes=_cure(seen, wrong, good),
    )


def _same(value, other):
    return services(value) == services(other)


def _cure(seen, wrong, good):
    new = f"hosts: {good}"
    if seen["shipped"]:
        lines = seen["shipped"].split("\n")
        if seen["line"]:
            lines[seen["line"]["parts"][0][0] - 1] = new
        else:
            lines.append(new)
        text = "\n".join([HEADER, *lines]).rstrip("\n") + "\n"
        return (File(PATHS[0], content=text, mode="0644"),)
    draft = Draft()
    for found in wrong:
        draft.replace(found, new)
    if not seen["line"]:
        return (*draft.files(), File(seen["path"], edits=(Edit(0, None, new),)))
    return draft.files()


SCHEMA = {
    "nsswitch": ListOf(
        Str(),
        default=("files", "mymachines", "myhostname", "resolve", "dns"),
        help="the services that may stand in the line hosts: of nsswitch.conf",
    ),
}
OBSERVERS = {"nsswitch": observe}
CONTROLS = (nsswitch,)
