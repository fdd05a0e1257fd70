"""A beacon imports nothing of the library: it asks through `__salt__`, in the minion's parent."""


def validate(config):
    return True, "nothing to validate"


def beacon(config):
    for item in config:
        if "path" in item:
            __salt__["probe.note"](item["path"])
    return []
