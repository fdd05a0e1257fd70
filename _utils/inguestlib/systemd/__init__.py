"""systemd's units of a guest: files, enablement, boot order and run time.

``guest.units`` is a :class:`Units`. Offline everything comes from files; live the same
files are read and the manager is asked once for what runs. Nothing is parsed before
somebody asks for it.
"""

from functools import cached_property

from inguestlib.systemd import enablement, foreseen, names, presets, runtime, unitfile
from inguestlib.systemd.boot import Boot
from inguestlib.systemd.tree import GENERATED_LATE, Tree
from inguestlib.systemd.unit import Unit

__all__ = ["Unit", "Units"]


class Units:
    """The units of a guest.

    ``tree`` has the directories, ``boot`` the start-up graph, ``runtime`` what runs
    (``None`` offline and where systemd is not the init).
    """

    def __init__(self, guest):
        self.guest = guest
        self.live = guest.live and guest.init == "systemd"
        self.tree = Tree(guest)
        self.boot = Boot(self)
        self._texts = {}
        self._read = {}
        self._installs = {}
        self._units = {}

    def read(self, path):
        """The assignments of a unit file or drop-in, parsed once; ``[]`` when it is gone."""
        if path not in self._read:
            self._read[path] = unitfile.parse(self.text(path), path)
        return self._read[path]

    def section(self, path, section):
        """The assignments of one section; a file that does not name it is not parsed."""
        if f"[{section}]" not in self.text(path):
            return []
        return [found for found in self.read(path) if found.section == section]

    def install(self, fragment):
        """:class:`enablement.Install` of a fragment, asked once."""
        if fragment not in self._installs:
            self._installs[fragment] = enablement.install(self.tree, fragment, self.section)
        return self._installs[fragment]

    def text(self, path):
        """The text of a unit file or drop-in, ``""`` when it is gone or masked."""
        if path not in self._texts:
            # A fragment is a regular file by now; a drop-in may be a link to /dev/null.
            masked = path.rpartition("/")[0].endswith(".d") and self.tree.nothing(path)
            self._texts[path] = "" if masked else self.guest.read(path) or ""
        return self._texts[path]

    @cached_property
    def _asked(self):
        """``(runtime.State or None, why not)``."""
        if not self.live:
            return None, ""
        try:
            return self.guest.once(("systemd",), lambda: runtime.ask(self.guest)), ""
        except OSError as exc:
            return None, str(exc)

    @property
    def runtime(self):
        """:class:`runtime.State` of a live guest; ``None`` offline and when nobody answers."""
        return self._asked[0]

    @property
    def silence(self):
        """Why a live guest's service manager gave no answer, ``""`` when it did."""
        return self._asked[1]

    def names(self):
        """All names that have a file, are loaded, or will be generated at boot; sorted."""
        loaded = self.runtime.units if self.runtime else ()
        return sorted({*self.tree.names(), *self.foreseen, *loaded})

    def get(self, name):
        """The :class:`Unit` of a name, ``None`` when there is neither a file nor a loaded unit.

        A name without suffix is a service. An instance exists when its template does.
        """
        if name not in self._units:
            name = names.full(name)
            if name not in self._units:
                self._units[name] = self._find(name)
        return self._units[name]

    def _find(self, name):
        if not names.is_valid(name):
            return None
        try:
            fragment = enablement.locate(self.tree, name)
        except enablement.Missing:
            fragment = None
        except enablement.Bad:
            return None
        loaded = None
        if self.runtime:
            loaded = self.runtime.units.get(fragment.name if fragment else name)
            loaded = loaded or self.runtime.units.get(name)
        if fragment:
            return Unit(self, name, fragment, loaded)
        if name in self.foreseen:
            return Unit(self, name, None, loaded, self.foreseen[name])
        if loaded and loaded.load not in ("not-found", "error"):
            return Unit(self, name, None, loaded)
        return None

    def state(self, name):
        """The word of ``systemctl is-enabled``, also ``not-found`` and ``bad``."""
        unit = self.get(name)
        if unit is not None:
            return unit.enablement
        return enablement.state(self.tree, names.full(name), self.install)

    def aliases(self, unit_id):
        """The names of links that lead to a unit, sorted."""
        return tuple(sorted(self._aliases.get(unit_id, ())))

    @cached_property
    def _aliases(self):
        out = {}
        for found in self.tree.links.values():
            for name in found:
                try:
                    fragment = enablement.locate(self.tree, name)
                except (enablement.Missing, enablement.Bad):
                    continue
                if fragment.name != name and not fragment.masked:
                    out.setdefault(fragment.name, set()).add(name)
        return out

    # ---- generators ----------------------------------------------------------------------

    @cached_property
    def sysv(self):
        """``{name: Foreseen}`` of the SysV scripts without a native unit, live as well.

        Whether the next boot starts them is told by their ``rc?.d`` links, not by what the
        generator made of these at the last reload.
        """

        def native(name):
            return any(not path.startswith(GENERATED_LATE) for path in self.tree.places(name))

        return foreseen.sysv(self.guest, native)

    @cached_property
    def foreseen(self):
        """``{name: Foreseen}``: what generators will make at boot, of an offline tree."""
        if self.live:
            return {}
        found = foreseen.quadlets(self.guest, self.read)
        found = {name: unit for name, unit in found.items() if not self.tree.places(name)}
        return {**self.sysv, **found}

    @cached_property
    def foreseen_wants(self):
        """``{target: {unit: link or line that says so}}`` of :attr:`sysv` and :attr:`foreseen`."""
        out = {}
        for unit in {**self.sysv, **self.foreseen}.values():
            for target, how in unit.wanted_by.items():
                out.setdefault(target, {})[unit.name] = how
        return out

    # ---- the guest as a whole ------------------------------------------------------------

    @property
    def default_target(self):
        """The target that the boot leads to, ``None`` when there is none."""
        return self.boot.default_target

    @property
    def failed(self):
        """The names of failed units, ``()`` offline."""
        if not self.runtime:
            return ()
        return tuple(sorted(u.name for u in self.runtime.units.values() if u.active == "failed"))

    @cached_property
    def _presets(self):
        return presets.load(self.guest)

    def preset(self, name):
        """``(enable, "path:line")``: what the presets say of a unit; no rule means enable."""
        return presets.query(self._presets, names.full(name))
