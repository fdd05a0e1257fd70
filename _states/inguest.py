"""
Enforce the policy of a guest
=============================

.. code-block:: yaml

    the guest follows its policy:
      inguest.enforced: []

    names are resolved by our own servers:
      inguest.dns:
        - servers: [10.0.0.53, 10.0.1.53]
        - mode: enforce

The policy is the pillar ``inguest:``; a family's state lays its arguments over that. A
family whose mode is ``audit`` is judged and not changed; its drift is a warning. With
``test=True`` the states show exactly the changes that the real run makes.
"""

import inguestlib

inguestlib = inguestlib.refresh()

from salt.exceptions import CommandExecutionError, SaltInvocationError
from salt.state import STATE_INTERNAL_KEYWORDS

INTERFACE = 1

__virtualname__ = "inguest"


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


def enforced(name, families=None, controls=None, root=None):
    """
    All families of the policy, or the given ones, are as the policy wants them.

    name
        Free.
    families, controls
        Only these; all that aren't ``off`` by default.
    root
        ``/`` or the directory of an offline tree.
    """
    return _enforce(name, families, controls, root, None, nested=True)


def crypt(name, controls=None, root=None, **params):
    """
    Volumes are encrypted where the policy says so, well, and nowhere else.

    name
        Free.
    controls, root
        As in :py:func:`inguest.enforced <inguest.enforced>`.
    params
        Keys of the pillar ``inguest:crypt``, laid over it; see the reference of the policy.
        Nothing is encrypted by this: that is the work of the states ``inguest_luks``.
    """
    return _family("crypt", name, controls, root, params)


def dns(name, controls=None, root=None, **params):
    """
    Names are resolved by the policy's own servers only.

    name
        Free.
    controls, root
        As in :py:func:`inguest.enforced <inguest.enforced>`.
    params
        Keys of the pillar ``inguest:dns``, laid over it; see the reference of the policy.
    """
    return _family("dns", name, controls, root, params)


def drivers(name, controls=None, root=None, **params):
    """
    The guest has the paravirtual drivers, at every boot, and no unneeded virtual hardware.

    name
        Free.
    controls, root
        As in :py:func:`inguest.enforced <inguest.enforced>`.
    params
        Keys of the pillar ``inguest:drivers``, laid over it; see the reference of the policy.
    """
    return _family("drivers", name, controls, root, params)


def services(name, controls=None, root=None, **params):
    """
    The declared services come up by themselves.

    name
        Free.
    controls, root
        As in :py:func:`inguest.enforced <inguest.enforced>`.
    params
        Keys of the pillar ``inguest:services``, laid over it; see the reference of the policy.
    """
    return _family("services", name, controls, root, params)


def tools(name, controls=None, root=None, **params):
    """
    VMware Tools are current, run, and do no more than the policy wants.

    name
        Free.
    controls, root
        As in :py:func:`inguest.enforced <inguest.enforced>`.
    params
        Keys of the pillar ``inguest:tools``, laid over it; see the reference of the policy.
    """
    return _family("tools", name, controls, root, params)


def proxy(name, controls=None, root=None, **params):
    """
    Web traffic goes through the approved proxy, and past it where it has to.

    name
        Free.
    controls, root
        As in :py:func:`inguest.enforced <inguest.enforced>`.
    params
        Keys of the pillar ``inguest:proxy``, laid over it; see the reference of the policy.
        A secret belongs in the pillar: what stands in an SLS file is logged by Salt.
    """
    return _family("proxy", name, controls, root, params)


def tpm(name, controls=None, root=None, **params):
    """
    The virtual TPM and the firmware are used, and what is sealed to them unseals.

    name
        Free.
    controls, root
        As in :py:func:`inguest.enforced <inguest.enforced>`.
    params
        Keys of the pillar ``inguest:tpm``, laid over it; see the reference of the policy.
    """
    return _family("tpm", name, controls, root, params)


def _family(family, name, controls, root, params):
    given = {
        key: value
        for key, value in params.items()
        if not key.startswith("__") and key not in STATE_INTERNAL_KEYWORDS
    }
    return _enforce(name, [family], controls, root, {family: given}, nested=False)


def _enforce(name, families, controls, root, overlay, nested):
    test = bool(__opts__.get("test"))
    try:
        out = __salt__["inguest.apply"](
            families=families, controls=controls, root=root, policy=overlay, test=test
        )
    except (SaltInvocationError, CommandExecutionError) as exc:
        # It is written for people already; Salt would put a traceback around it.
        return {"name": name, "changes": {}, "result": False, "comment": str(exc)}
    changes = {family: part["changes"] for family, part in out["families"].items()}
    changes = {family: shown for family, shown in changes.items() if shown}
    if not nested:
        changes = next(iter(changes.values()), {})
    ret = {
        "name": name,
        "changes": changes,
        "result": _result(out, changes, test),
        "comment": "\n".join(_comment(out)),
    }
    warnings = _warnings(out)
    if warnings:
        ret["warnings"] = warnings
    return ret


def _result(out, changes, test):
    parts = out["families"].values()
    broken = any(
        f["verdict"] == "error" and out["families"][f["family"]]["mode"] == "enforce"
        for f in out["findings"]
    )
    if broken or any(part["result"] == "reverted" for part in parts):
        return False
    return None if test and changes else True


_SAID = {
    "planned": "would be changed",
    "applied": "changed and verified",
    "reverted": "could not be cured",
    "clean": "nothing to change",
    "audited": "audited only",
    "unconfirmed": "changed and verified",
}


def _comment(out):
    for entry in out["recovered"]:
        kept = f"; kept {', '.join(entry['kept'])}" if entry["kept"] else ""
        left = "".join(f"; {words}" for words in entry["left"])
        yield (
            f"{entry['family']}: undid what an interrupted run had left ({entry['id']}){kept}{left}"
        )
    for family, part in out["families"].items():
        targets = ", ".join(part["changes"])
        line = f"{family}: {_SAID[part['result']]}" + (f": {targets}" if targets else "")
        yield line + (f": {part['comment']}" if part["comment"] else "")


def _warnings(out):
    """What stays, and needs a person: drift without a cure, and what could not be seen."""
    shown = []
    for finding in out["findings"]:
        planned = out["families"][finding["family"]]["result"] == "planned"
        if finding["verdict"] == "drift" and not (planned and finding["changes"]):
            said = finding["comment"] or finding["evidence"]
        elif finding["verdict"] in ("error", "unknown"):
            said = finding["comment"]
        else:
            continue
        line = f"{finding['control']} on {finding['resource']}: {finding['verdict']}"
        shown.append(f"{line}: {said}" if said else line)
    return shown
