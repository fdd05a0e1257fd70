"""What a place is to hold: the proxies, and a list of exceptions that its readers understand."""

from inguestlib.families.proxy import dialects
from inguestlib.families.proxy import want as want_
from inguestlib.record import record

LOCAL = ("localhost", "127.0.0.1", "::1")
METADATA = "169.254.169.254"
CURED = ("proxy", "none", "mirror")  # of Want.mode; of the others the policy says nothing


@record
class Wanted:
    """``proxies`` is ``{"http": URL or "", "https": …}`` (``""``: none), ``exceptions`` a text.

    ``limits`` says in words what the list can't say to those who read it.
    """

    proxies: dict
    exceptions: str = ""
    limits: str = ""

    @property
    def variables(self):
        """``{name: value}`` of an environment, in both spellings: clients read one or the other."""
        named = {f"{scheme}_proxy": url for scheme, url in self.proxies.items() if url}
        if named:
            named["no_proxy"] = self.exceptions
        return {**named, **{name.upper(): value for name, value in named.items()}}


def wanted(policy, consumer, readers, masters=(), unit=None):
    """The :class:`Wanted` of a consumer, ``None`` where the policy leaves it alone.

    readers
        ``[(dialect, version), …]`` of the clients that read the list.
    masters
        The masters of this minion: nobody is to be cut off from them.
    """
    found = want_.wanted(policy, consumer, unit)
    if found.mode not in CURED:
        return None
    proxies = {scheme: (url or "").rstrip("/") for scheme, url in found.proxies.items()}
    if not any(proxies.values()):
        return Wanted(proxies)
    hosts = [*policy["bypass"], *masters, *([METADATA] if policy["metadata"] else [])]
    destinations = [d for one in (*LOCAL, *hosts) for d in both(one)]
    text, missing = listed(found.exceptions or (), destinations, readers)
    taken = {
        f"{entry} takes {destination} along"
        for one in policy["through"]
        for destination in both(one)
        for name, version in readers
        if (entry := dialects.DIALECTS[name].matches(text, destination, version))
    }
    said = [f"{one} can't be excepted for all that read this list" for one in missing]
    return Wanted(proxies, text, "; ".join([*said, *sorted(taken)]))


def both(text):
    """The destinations that a word of the policy means: both schemes, where it names none."""
    if "://" in text:
        return [dialects.parse(text)]
    return [dialects.parse(text, scheme) for scheme in ("http", "https")]


def listed(entries, destinations, readers):
    """``(text, missing)``: the entries, and after them what these readers need in addition.

    Each client has its own dialect: an entry is added in the plainest form that it understands.
    """
    out, missing = list(dict.fromkeys(entries)), []
    for destination in destinations:
        for name, version in readers:
            matches = dialects.DIALECTS[name].matches
            if matches(",".join(out), destination, version) is not None:
                continue
            for form in _forms(destination):
                if matches(",".join([*out, form]), destination, version) is not None:
                    out.append(form)
                    break
            else:
                missing.append(destination)
    return ",".join(out), list(dict.fromkeys(missing))


def _forms(destination):
    """How an entry may be written, the plainest first."""
    host = destination.host.lower()
    yield host
    yield destination.written
    yield f"{destination.written}:{destination.port}"
    if destination.address is not None:
        yield f"{host}/{destination.address.max_prefixlen}"
