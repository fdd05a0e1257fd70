"""Entries of a list of exceptions that mean more than a site of one's own. Pure functions."""

import ipaddress

# The labels under which anybody can have a name: all of two letters, and the large generic ones.
_GENERIC = frozenset(
    """academy agency app art bank biz blog cloud club co com company dev digital edu email
    fun global gov group health host info int io live media mil mobi money name net network news
    online org page pro pub shop site software solutions space store studio systems team tech
    technology today tools top tv us video website wiki work world xyz zone""".split()
)
# Second levels that sell names, or hand them out to customers. Well known ones: not all there are.
_SECOND = frozenset(["co", "com", "net", "org", "edu", "gov", "ac", "or", "ne", "go", "gob"])
_HOSTERS = frozenset(
    """amazonaws.com azurewebsites.net blob.core.windows.net cloudapp.net cloudfront.net
    github.io githubusercontent.com gitlab.io herokuapp.com netlify.app ngrok.io
    ngrok-free.app pages.dev r2.dev trycloudflare.com vercel.app web.app workers.dev
    windows.net googleusercontent.com appspot.com run.app""".split()
)
# Not in the Internet's own tree: RFC 6761, RFC 8375, RFC 6762, ICANN's `internal`, and old habits.
_INTERNAL = frozenset(
    "corp example home internal intra intranet invalid lan local localdomain localhost private test"
    .split()
)  # fmt: skip


def too_wide(entry):
    """Why an entry means more than one's own hosts, or ``""``.

    entry
        As it stands in the list, without the blanks around it.
    """
    name = entry.lower().removeprefix("http://").removeprefix("https://")
    bare = name.lstrip("*.").rstrip(".")
    if not bare:
        return "it means every destination"
    network = _network(bare)
    if network is not None:
        return _network_width(network)
    bare = bare.partition(":")[0]
    labels = bare.split(".")
    if len(labels) == 1:
        return _single(name, bare)
    if bare in _HOSTERS:
        return f"anybody can have a name below {bare}"
    if len(labels) == 2 and len(labels[1]) == 2 and labels[0] in _SECOND:
        return f"{bare} is a public suffix"
    return ""


def _single(name, label):
    if label in _INTERNAL:
        return ""
    if label in _GENERIC or (len(label) == 2 and label.isalpha()):
        return f"{label} is a public suffix"
    # one host's short name, unless it is written as a suffix
    return f"it means every name below {label}" if name[0] in ".*" else ""


def _network(text):
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _network_width(network):
    if network.num_addresses == 1:
        return ""
    if network.prefixlen == 0:
        return "it means every address"
    if network.is_private or network.is_link_local or network.is_loopback:
        return ""
    shared = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598
    if network.version == 4 and network.subnet_of(shared):
        return ""
    return f"{network} are public addresses"
