"""The public keys of minions that this master accepted."""

import os

from inguestlib import messages


class Keys:
    """Reads accepted keys where the master keeps them, again when they change.

    folder
        The directory of accepted keys, ``<pki_dir>/minions``: a file for each minion.
    fetch
        For a master that keeps them elsewhere: called with a minion id, gives the key as PEM or
        ``None``. ``folder`` isn't looked at then.
    clock
        Gives seconds that only grow; an answer of ``fetch`` counts for ``FRESH`` of them.
    """

    FRESH = 60

    def __init__(self, folder, fetch=None, clock=None):
        self._folder = os.fspath(folder)
        self._fetch = fetch
        self._clock = clock
        self._known = {}  # {id: (sign that it is the same, PEM)}

    def of(self, minion):
        """The key as PEM text, or ``None`` when none is accepted now."""
        if not minion or minion.startswith(".") or "/" in minion or "\0" in minion:
            return None
        return self._fetched(minion) if self._fetch else self._read(minion)

    def fingerprint(self, minion):
        """Its fingerprint as messages name it; ``None`` for none, or one that is no RSA key."""
        pem = self.of(minion)
        if pem is None:
            return None
        try:
            return messages.fingerprint(pem)
        except messages.MessageError:
            return None

    def _read(self, minion):
        path = os.path.join(self._folder, minion)
        try:
            found = os.lstat(path)
        except OSError:
            self._known.pop(minion, None)
            return None
        sign = (found.st_mtime_ns, found.st_size, found.st_ino)
        known = self._known.get(minion)
        if known is None or known[0] != sign:
            try:
                with open(path, encoding="ascii") as file:
                    known = self._known[minion] = (sign, file.read())
            except (OSError, ValueError):
                self._known.pop(minion, None)
                return None
        return known[1]

    def _fetched(self, minion):
        known = self._known.get(minion)
        now = self._clock()
        if known is None or now - known[0] >= self.FRESH:
            known = self._known[minion] = (now, self._fetch(minion))
        return known[1]


def of_master(opts, cache, clock):
    """The :class:`Keys` of a master.

    opts
        Its configuration.
    cache
        ``salt.cache.Cache``, for a master that keeps its keys elsewhere than in files.
    clock
        Gives seconds that only grow.
    """
    pki = opts.get("cluster_pki_dir") if opts.get("cluster_id") else None
    folder = os.path.join(pki or opts["pki_dir"], "minions")
    driver = opts.get("keys.cache_driver", "localfs_key")
    if driver == "localfs_key":
        return Keys(folder)
    bank = cache(opts, driver=driver)

    def fetch(minion):
        found = bank.fetch("keys", minion)
        return found.get("pub") if found and found.get("state") == "accepted" else None

    return Keys(folder, fetch, clock)
