"""One unit: its files, its settings, and what is known of it at run time."""

from functools import cached_property

from inguestlib.systemd import enablement, names, unitfile


class Unit:
    """A unit by one of its names. Made by :class:`inguestlib.systemd.Units`.

    name
        As it was asked for.
    id
        The unit's own name, aliases resolved.
    path
        The fragment, ``None`` when the unit has none (a device, a scope, a generated unit that is
        only foreseen in an offline tree).
    masked
        Whether systemd refuses to start it.
    """

    def __init__(self, units, name, fragment, runtime=None, foreseen=None):
        self._units = units
        self._runtime = runtime
        self.name = name
        self.id = fragment.name if fragment else name
        self.path = fragment.path if fragment else None
        self.masked = bool(fragment and fragment.masked)
        self.foreseen = foreseen

    def __repr__(self):
        return f"Unit({self.name!r}, {self.enablement!r})"

    @property
    def kind(self):
        """``service``, ``timer``, …"""
        return names.kind(self.id)

    @cached_property
    def enablement(self):
        """The word of ``systemctl is-enabled``: ``enabled``, ``static``, ``masked``, …"""
        if self.foreseen:
            return "generated"
        if self.path is None and self._runtime is not None:
            return ""  # systemctl has no word for what has no file
        return enablement.state(self._units.tree, self.name, self._units.install)

    @cached_property
    def install(self):
        """The ``[Install]`` section as :class:`enablement.Install`."""
        if self.path is None or self.masked:
            return enablement.Install()
        fragment = enablement.Fragment(self.id, self.path, False)
        return self._units.install(fragment)

    @cached_property
    def aliases(self):
        """The other names under which the tree knows the unit, sorted."""
        return self._units.aliases(self.id)

    @cached_property
    def stems(self):
        """The names whose ``.d``, ``.wants`` and ``.requires`` directories count for it.

        One list for each of its names, its own first.
        """
        return [names.directories(name) for name in (self.id, *self.aliases)]

    @cached_property
    def dropins(self):
        """The paths of the drop-ins in the order in which they are read."""
        return self._units.tree.dropins(self.stems, self.kind)

    @cached_property
    def properties(self):
        """``{section: {key: [(value, path, line), …]}}``, fragment and drop-ins merged."""
        if self.masked:
            return {}
        found = list(self._units.read(self.path)) if self.path else []
        if self.foreseen:
            found += self.foreseen.assignments
        for path in self.dropins:
            found += self._units.read(path)
        return unitfile.merge(found)

    def value(self, section, key, default=None):
        """The setting in force: the last assignment, or ``default``."""
        found = self.properties.get(section, {}).get(key)
        return found[-1][0] if found else default

    def where(self, section, key):
        """``path:line key=value`` of the setting in force, ``""`` when it is not set."""
        found = self.properties.get(section, {}).get(key)
        if not found:
            return ""
        value, path, line = found[-1]
        return f"{path}:{line} {key}={value}"

    def words(self, section, key):
        """All words of a list setting, specifiers that name the unit expanded."""
        found = self.properties.get(section, {}).get(key, ())
        return [
            enablement.specifiers(word, self.id)
            for value, _, _ in found
            for word in unitfile.words(value)
        ]

    # ---- boot ----------------------------------------------------------------------------

    @cached_property
    def wanted_by(self):
        """The units that start it when they start, by links or by their own settings, sorted."""
        return self._units.boot.wanted_by(self.id)

    @property
    def reached_at_boot(self):
        """Whether the default target starts it, directly or through others."""
        return self.id in self._units.boot.reached

    @property
    def boot_path(self):
        """The chain from the default target to this unit, ``()`` when there is none."""
        return self._units.boot.chain(self.id)

    @property
    def activated_by(self):
        """Sockets, timers, paths and bus names that start it and that are reached at boot."""
        return self._units.boot.activators(self.id)

    # ---- run time ------------------------------------------------------------------------

    @property
    def active(self):
        """``active``, ``inactive``, ``failed``, …; ``None`` offline."""
        return self._state("active")

    @property
    def sub(self):
        """``running``, ``exited``, ``waiting``, …; ``None`` offline."""
        return self._state("sub")

    @property
    def load(self):
        """``loaded``, ``masked``, ``not-found``, …; ``None`` offline."""
        return self._state("load")

    def _state(self, key):
        if self._runtime:
            return getattr(self._runtime, key)
        # What systemd has not loaded is not running.
        return {"active": "inactive", "sub": "dead"}.get(key) if self._units.live else None
