"""What ``systemctl is-enabled`` would say, from files alone.

The rules follow systemctl(1) "is-enabled" as systemd 252 to 257 carry them out; a
functional test compares every unit of real trees with ``systemctl --root``.
"""

from typing import NamedTuple

from inguestlib.record import record
from inguestlib.systemd import names, unitfile
from inguestlib.systemd.tree import CONFIG, GENERATORS, TRANSIENT

MAX_HOPS = 64
_ALIASED = ("service", "socket", "target", "device", "timer", "path")
_TEMPLATED = ("service", "socket", "target", "timer", "path")

# States in which systemctl is-enabled exits with 0.
ENABLED_STATES = ("enabled", "enabled-runtime", "static", "alias", "indirect", "generated")


class Missing(LookupError):
    """There is no such unit file."""


class Bad(ValueError):
    """The unit's link makes no sense: another type, or an instance that is not the same."""


class Fragment(NamedTuple):
    """Where a name leads. ``name`` is the unit's own, all aliases resolved."""

    name: str
    path: str
    masked: bool


def locate(tree, name, strict=False):
    """The :class:`Fragment` of a unit name, links and templates followed.

    The manager ignores a link that makes no sense and goes on to the next directory;
    ``strict`` is for systemctl, which refuses it. Raises :class:`Missing` and :class:`Bad`.
    """
    for _ in range(MAX_HOPS):
        if name in tree.plain:
            return Fragment(name, tree.plain[name], False)
        places = tree.places(name)
        if not places and names.is_instance(name):
            places = tree.places(names.template(name))
        found = _first(tree, name, places, strict)
        if isinstance(found, Fragment):
            return found
        name = found
    raise Bad(f"{name}: too many links")


def unmasked(tree, name):
    """The :class:`Fragment` that a mask under /etc or /run hides, whatever can be unmasked.

    Raises :class:`Missing` when there is none behind it, and :class:`Bad`.
    """
    places = list(tree.places(name))
    if names.is_instance(name):
        places += tree.places(names.template(name))
    for path in places:
        found = _follow(tree, name, path)
        if not isinstance(found, Fragment):
            return locate(tree, found)
        if not found.masked:
            return found
        if not path.startswith(("/etc/", "/run/")):
            break
    raise Missing(name)


def _first(tree, name, places, strict):
    refused = None
    for path in places:
        try:
            return _follow(tree, name, path)
        except Bad as exc:
            if strict:
                raise
            refused = refused or exc
    raise refused or Missing(name)


def _follow(tree, name, path):
    """The fragment at ``path``, or the other name that it is an alias of."""
    for _ in range(MAX_HOPS):
        kind = tree.kind(path)
        if kind is None:
            raise Missing(name)
        if kind == "dir":
            raise Bad(f"{path} is a directory")
        if kind != "link":
            return Fragment(name, path, kind != "file")
        target = tree.target(path)
        alias = tree.inside(target)
        if alias:
            _check_alias(path.rpartition("/")[2], target.rpartition("/")[2])
        if tree.nothing(target):
            return Fragment(name, path, True)
        base = target.rpartition("/")[2]
        if alias and base != name:
            if names.is_instance(name) and names.is_template(base):
                instance = names.instantiate(base, names.split(name)[1])
                if instance != name:
                    return instance
            else:
                return base
        path = target
    raise Bad(f"{path}: too many links")


def _check_alias(source, target):
    """Refuse an alias that changes the type, or the kind of name (systemd.unit(5))."""
    if source == target:
        raise Bad(f"{source} is an alias of itself")
    if names.kind(source) not in _ALIASED:
        raise Bad(f"{source}: units of this type have no aliases")
    if names.kind(source) != names.kind(target):
        raise Bad(f"{source} is an alias of another type: {target}")
    mine, other = names.split(source)[1], names.split(target)[1]
    if mine is None or mine == "":
        good = other == mine
    else:
        good = other in ("", mine)
    if not good:
        raise Bad(f"{source} cannot be an alias of {target}")


@record
class Install:
    """The ``[Install]`` section, drop-ins merged, specifiers expanded."""

    alias: tuple = ()
    wanted_by: tuple = ()
    required_by: tuple = ()
    also: tuple = ()
    default_instance: str = ""

    @property
    def rules(self):
        """Whether ``systemctl enable`` has anything to link."""
        return bool(self.alias or self.wanted_by or self.required_by)


def install(tree, fragment, read):
    """:class:`Install` of a fragment; ``read(path, section)`` gives the assignments of a file."""
    stems = [fragment.name]
    if names.is_instance(fragment.name):
        stems.append(names.template(fragment.name))
    found = []
    for path in (fragment.path, *tree.dropins([stems])):
        found += read(path, "Install")
    keys = unitfile.merge(found).get("Install", {})

    def words(*of):
        return tuple(
            specifiers(word, fragment.name)
            for key in of
            for value, _, _ in keys.get(key, ())
            for word in unitfile.words(value)
        )

    instance = keys.get("DefaultInstance", [("", "", 0)])[-1][0]
    return Install(
        words("Alias"),
        words("WantedBy"),
        words("RequiredBy", "UpheldBy"),
        words("Also"),
        specifiers(instance, fragment.name),
    )


def specifiers(text, name):
    """Expand the specifiers that name the unit itself: ``%n %N %p %i %I %j %%``."""
    if "%" not in text:
        return text
    prefix, instance, _ = names.split(name)
    instance = instance or ""
    values = {
        "n": name,
        "N": name.rpartition(".")[0],
        "p": prefix,
        "P": names.unescape(prefix),
        "i": instance,
        "I": names.unescape(instance),
        "j": prefix.rpartition("-")[2],
        "%": "%",
    }
    out, rest = "", text
    while rest:
        before, percent, rest = rest.partition("%")
        out += before
        if percent:
            out += values.get(rest[:1], "%" + rest[:1])
            rest = rest[1:]
    return out


def state(tree, name, wishes_of):
    """The word of ``systemctl is-enabled``; ``wishes_of(fragment)`` gives its :class:`Install`.

    ``not-found`` when there is no file, ``bad`` when its link makes no sense.
    """
    if not names.is_valid(name) or ("@" in name and names.kind(name) not in _TEMPLATED):
        return "bad"
    try:
        fragment = locate(tree, name, strict=True)
    except Missing:
        return "not-found"
    except Bad:
        return "bad"
    parent, _, base = fragment.path.rpartition("/")
    if fragment.masked:
        return "masked-runtime" if parent.startswith("/run/") else "masked"
    if base != name and not names.is_instance(fragment.name):
        return "alias"
    if parent in GENERATORS:
        return "generated"
    if parent == TRANSIENT:
        return "transient"
    wishes = wishes_of(fragment)
    known = {fragment.name, *wishes.alias}
    if wishes.default_instance and names.is_template(fragment.name):
        known.add(names.instantiate(fragment.name, wishes.default_instance))
    found = _linked(tree, fragment, known)
    if found:
        return found
    if _linked(tree, fragment, None):
        return "indirect"
    if wishes.rules:
        return "disabled"
    return "indirect" if wishes.also else "static"


def _linked(tree, fragment, known):
    """The state that the links give, ``""`` for none; ``known`` limits the names of the links."""
    name = fragment.name
    runtime = anywhere = False
    same = ""
    below = False  # below the fragment a link of the same name means nothing
    for directory in tree.dirs:
        path = directory.path
        found, same_name = _links_in(tree, path, name, known, below)
        if found:
            if path == CONFIG:
                return "enabled"
            runtime = runtime or directory.runtime
            anywhere = anywhere or not directory.runtime
        elif same_name and path == CONFIG:
            same = "linked"
        elif same_name and directory.runtime:
            same = same or "linked-runtime"
        below = below or fragment.path.startswith(path + "/")
    if runtime:
        return "enabled-runtime"
    if anywhere and names.is_instance(name):
        return "static"
    return same


def _links_in(tree, path, name, known, below):
    """``(links lead to name, a link of the same name)`` in one directory of the search path."""
    wanted = tree.wanted[path]
    hits = [name] if name in wanted else []
    if names.is_template(name):
        hits += [entry for entry in wanted if names.template(entry) == name]
    same_name = False
    links = tree.links[path]
    for entry in tree.links_to[path].get(name, ()):
        if entry == name and not below:
            same_name = True
        else:
            hits.append(entry)
    if not below and name in links and links[name].rpartition("/")[2] != name:
        hits.append(name)
    if known is None:
        return bool(hits), same_name
    return any(hit in known for hit in hits), same_name
