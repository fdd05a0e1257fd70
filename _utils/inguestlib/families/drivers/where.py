"""Whether the family has something to say of a guest: these are drivers of VMware's devices."""

from inguestlib.model import not_applicable, unknown


def elsewhere(guest, resource):
    """The finding that ends a judgement where no virtual machine of VMware runs, or ``None``.

    guest
        ``facts.guest``. An offline root is an image for VMware, or nobody would ask.
    """
    if not guest["live"]:
        return None
    if guest["container"]:
        return not_applicable(resource, "a container has its host's kernel and devices")
    if guest["hypervisor"] == "other":
        return not_applicable(
            resource,
            "not a virtual machine of VMware",
            evidence="/sys/class/dmi/id/sys_vendor does not begin with VMware",
        )
    if guest["hypervisor"] == "unknown":
        return unknown(resource, "no SMBIOS vendor could be read: is this VMware?")
    return None


def here(guest):
    """The same question, asked by an observer before a costly reading."""
    return not guest.live or (guest.hypervisor == "vmware" and not guest.container)
