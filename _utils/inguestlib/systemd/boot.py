"""What the default target starts: the graph of wants, requires and activation.

Edges come from ``.wants``, ``.requires`` and ``.upholds`` links and from the settings of
the units themselves, as systemd.unit(5) gives them. Ordering plays no part here.
"""

import re
from functools import cached_property

from inguestlib.systemd import enablement, names, unitfile
from inguestlib.systemd.tree import GENERATED_LATE

_PULLS = ("Wants", "Requires", "BindsTo", "Upholds")
_SEARCHED = (*_PULLS, "Sockets")
_SEARCH = re.compile(rf"^[^\S\n]*({'|'.join(_SEARCHED)})[^\S\n]*=[^\S\n]*(\S[^\n]*)$", re.M)
_DIRS = (".wants", ".requires", ".upholds")


class Boot:
    """The start-up of a guest. ``units`` is its :class:`inguestlib.systemd.Units`."""

    def __init__(self, units):
        self.units = units

    @cached_property
    def default_target(self):
        """The id of the target that the boot leads to, or ``None`` when there is none."""
        try:
            fragment = enablement.locate(self.units.tree, "default.target")
        except (enablement.Missing, enablement.Bad):
            return None
        return None if fragment.masked else fragment.name

    def pulled(self, unit):
        """``{name: how}``: what a unit starts with itself."""
        out = {}
        tree = self.units.tree
        for stem in dict.fromkeys(stem for stems in unit.stems for stem in stems):
            for suffix in _DIRS if stem in self._pulling else ():
                for directory, found in tree.dependency_dirs.get(stem + suffix, ()):
                    for entry, kind in found.items():
                        if kind != "link" or not names.is_valid(entry):
                            continue
                        if directory.path == GENERATED_LATE and entry in self.units.sysv:
                            continue
                        path = f"{directory.path}/{stem}{suffix}/{entry}"
                        if names.is_template(entry):
                            instance = names.split(unit.id)[1] or names.split(unit.id)[0]
                            entry = names.instantiate(entry, instance)
                        out.setdefault(entry, path)
        for path, key, value in self._settings(unit):
            for word in unitfile.words(value):
                word = enablement.specifiers(word, unit.id)
                if names.is_valid(word):
                    out.setdefault(word, f"{path} {key}={word}")
        for name, how in self.units.foreseen_wants.get(unit.id, {}).items():
            out.setdefault(name, how)
        return out

    @cached_property
    def _pulling(self):
        """The stems that have any directory of links."""
        return {name.rpartition(".")[0] for name in self.units.tree.dependency_dirs}

    def _settings(self, unit):
        """``[(path, key, value), …]`` of the settings by which a unit pulls others in.

        Dependencies are never taken away again, so they are searched for and the rest of
        the file is not parsed, unless it holds what only a parser understands.
        """
        out = []
        for path in (*((unit.path,) if unit.path else ()), *unit.dropins):
            text = self.units.text(path)
            if "\\\n" in text or "[X-" in text:
                read = self.units.read(path)
                out += [(path, a.key, a.value) for a in read if a.key in _SEARCHED]
            else:
                out += [(path, key, value) for key, value in _SEARCH.findall(text)]
        if unit.foreseen:
            out += [(a.path, a.key, a.value) for a in unit.foreseen.assignments if a.key in _PULLS]
        return out

    def triggered(self, unit):
        """The units that a timer, socket, path or automount starts later, ``()`` for others."""
        section = {"timer": "Timer", "path": "Path", "socket": "Socket"}.get(unit.kind)
        if unit.kind == "automount":
            return (names.sibling(unit.id, "mount"),)
        if section is None:
            return ()
        key = "Service" if unit.kind == "socket" else "Unit"
        named = unit.words(section, key)
        if named:
            return (named[-1],)
        service = names.sibling(unit.id, "service")
        accept = unit.kind == "socket" and unit.value("Socket", "Accept", "no")
        if accept and accept.lower() in ("1", "yes", "y", "true", "t", "on"):
            prefix, _, _ = names.split(service)
            return (f"{prefix}@.service",)
        return (service,)

    @cached_property
    def _walk(self):
        """``(parents, activators, dangling)``: every unit reached with the one that pulls it in."""
        parents, activators, dangling = {}, {}, set()
        if self.default_target is None:
            return parents, activators, dangling
        parents[self.default_target] = ("", "default target")
        todo = [self.default_target]
        while todo:
            unit = self.units.get(todo.pop())
            if unit is None or unit.masked:
                continue
            for name, how in self.pulled(unit).items():
                if self.units.get(name) is None:
                    dangling.add(name)
                else:
                    self._reach(name, unit.id, how, parents, todo)
            for name in self.triggered(unit):
                other = self.units.get(name)
                if other and not other.masked:
                    activators.setdefault(other.id, []).append(unit.id)
        return parents, activators, dangling

    def _reach(self, name, by, how, parents, todo):
        unit = self.units.get(name)
        if unit.masked or unit.id in parents:
            return
        parents[unit.id] = (by, how)
        todo.append(unit.id)

    @property
    def reached(self):
        """``{id: (the unit that pulls it in, how)}`` of all that the default target starts."""
        return self._walk[0]

    @property
    def dangling(self):
        """The names that the boot asks for and nobody has; an alias would be started."""
        return self._walk[2]

    def chain(self, unit_id):
        """From the default target down to a unit, ``()`` when it is not reached."""
        out = []
        while unit_id in self.reached and unit_id not in out:
            out.append(unit_id)
            unit_id = self.reached[unit_id][0]
        return tuple(reversed(out))

    @property
    def activated(self):
        """The ids of all that timers, sockets, paths and bus names start on demand."""
        return {*self._walk[1], *self.bus_names}

    def activators(self, unit_id):
        """The reached units that start another one when there is something for it to do."""
        found = list(self._walk[1].get(unit_id, ()))
        template = names.template(unit_id)
        if template:
            found += self._walk[1].get(template, ())
        found += [f"dbus:{name}" for name in self.bus_names.get(unit_id, ())]
        return tuple(sorted(found))

    @cached_property
    def bus_names(self):
        """``{unit id: [bus names]}`` of the services that the system bus starts on demand."""
        out = {}
        guest = self.units.guest
        for directory in ("/usr/local/share", "/usr/share", "/etc", "/run"):
            base = f"{directory}/dbus-1/system-services"
            for name in guest.entries(base):
                if not name.endswith(".service"):
                    continue
                for line in (guest.read(f"{base}/{name}") or "").split("\n"):
                    key, _, value = line.partition("=")
                    if key.strip() == "SystemdService":
                        unit = self.units.get(value.strip())
                        if unit and not unit.masked:
                            out.setdefault(unit.id, []).append(name.removesuffix(".service"))
        return out

    @cached_property
    def _pullers(self):
        """``{name as written: {puller}}`` from links only: no file is parsed for it."""
        out = {}
        for name, places in self.units.tree.dependency_dirs.items():
            puller = name.rpartition(".")[0]
            for _, found in places:
                for entry, kind in found.items():
                    if kind == "link":
                        out.setdefault(entry, set()).add(puller)
        return out

    def wanted_by(self, unit_id):
        """The units that pull a unit in: by links, and by their settings if they are reached."""
        unit = self.units.get(unit_id)
        out = set()
        for name in (unit_id, *(unit.aliases if unit else ())):
            out |= self._pullers.get(name, set())
        for puller in self.reached:
            other = self.units.get(puller)
            if other and not other.masked:
                pulled = {w for _, _, value in self._settings(other) for w in value.split()}
                if pulled & {unit_id, *(unit.aliases if unit else ())}:
                    out.add(puller)
        for puller, wants in self.units.foreseen_wants.items():
            if unit_id in wants:
                out.add(puller)
        return tuple(sorted(out))
