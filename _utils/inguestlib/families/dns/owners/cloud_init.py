"""cloud-init: the network configuration and resolv_conf of /etc/cloud, written at first boot."""

from inguestlib.families.dns.owners import ini, presence, yamltree

TITLE = "cloud-init"
MAIN = "/etc/cloud/cloud.cfg"
PROGRAMS = ("/usr/bin/cloud-init",)


def observe(guest, params):
    """Servers and domains in every file, and whether cloud-init configures the network."""
    installed = presence.installed(guest, *PROGRAMS)
    off = guest.exists("/etc/cloud/cloud-init.disabled")
    out = {
        "installed": installed,
        "enabled": installed and not off,
        "running": False,
        "network_disabled": "",
        "manage_resolv_conf": "",
        "lists": [],
        "auto": [],
        "errors": [],
    }
    for path in [MAIN, *guest.glob("/etc/cloud/cloud.cfg.d/*.cfg")]:
        text = guest.read(path)
        if text is None:
            continue
        try:
            root = yamltree.compose(text)
        except yamltree.Malformed as exc:
            out["errors"].append({"path": path, "line": exc.line, "message": str(exc)})
            continue
        _one(out, path, text.split("\n"), root)
    return out


def _one(out, path, text_lines, root):
    def add(kind, node, scope):
        found = node is not None and yamltree.found_list(
            kind, path, text_lines, node, scope=f"{scope} {yamltree.line_of(node)}"
        )
        if found:
            out["lists"].append(found)

    network = yamltree.get(root, "network")
    config = yamltree.get(network, "config")
    if yamltree.scalar(config) == "disabled":
        out["network_disabled"] = f"{path}:{yamltree.line_of(config)} network config: disabled"
    manage = yamltree.get(root, "manage_resolv_conf")
    if ini.truth(yamltree.scalar(manage), False):
        out["manage_resolv_conf"] = f"{path}:{yamltree.line_of(manage)} manage_resolv_conf: true"
    resolv = yamltree.get(root, "resolv_conf")
    add("servers", yamltree.get(resolv, "nameservers"), "resolv_conf")
    add("search", yamltree.get(resolv, "searchdomains"), "resolv_conf")
    for node in _walk(network):
        servers = yamltree.get(node, "nameservers")
        if servers is not None and servers.id == "mapping":  # version 2
            add("servers", yamltree.get(servers, "addresses"), "v2")
            add("search", yamltree.get(servers, "search"), "v2")
        add("servers", yamltree.get(node, "dns_nameservers"), "v1")
        add("search", yamltree.get(node, "dns_search"), "v1")
        if yamltree.scalar(yamltree.get(node, "type")) == "nameserver":
            add("servers", yamltree.get(node, "address"), "v1")
            add("search", yamltree.get(node, "search"), "v1")


def _walk(node):
    """Every mapping below a node once, itself first; an alias may lead back up."""
    seen, todo = set(), [node] if node is not None else []
    while todo:
        here = todo.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        if here.id == "mapping":
            yield here
            todo += [value for _, _, value in yamltree.items(here)][::-1]
        elif here.id == "sequence":
            todo += here.value[::-1]
