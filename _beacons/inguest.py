"""
Tell the master when a guest drifts from its policy, and when it is cured
=========================================================================

A pass looks at the files and directories that the families of controls depend on. Only when one
of them moved, the families concerned are judged again, in a process of its own; and only when a
verdict changed, an event goes out: ``salt/beacon/<minion id>/inguest/drift`` or ``…/cured``.

.. code-block:: yaml

    beacons:
      inguest:
        - interval: 10
        - disable_during_state_run: True

``interval`` is in seconds. What the beacon can't see (processes, sockets, block devices, time that
passes) is seen by the full audit, so schedule ``inguest.report`` beside it.

A beacon that fails logs it once, and sends one event ``…/error`` with a finding ``error``.
"""

import logging

__virtualname__ = "inguest"

_LOG = logging.getLogger(__name__)
_KNOWN = {
    "_beacon_name",
    "beacon_module",
    "disable_during_state_run",
    "enabled",
    "interval",
    "run_once",
}
_SAID = set()


def __virtual__():
    return __virtualname__


def validate(config):
    """
    Whether the configuration is a list of mappings, and each key is one that counts.
    """
    if not isinstance(config, list):
        return False, "Configuration for inguest beacon must be a list."
    for part in config:
        if not isinstance(part, dict):
            return False, f"Configuration for inguest beacon: {part!r} is not a mapping."
        wrong = sorted(str(key) for key in part if key not in _KNOWN)
        if wrong:
            known = ", ".join(sorted(key for key in _KNOWN if key[0] != "_"))
            return False, f"inguest beacon does not know {', '.join(wrong)}; known are {known}."
        interval = part.get("interval", 1)
        if isinstance(interval, bool) or not isinstance(interval, (int, float)) or interval <= 0:
            return False, "inguest beacon: interval is a number of seconds greater than 0."
    return True, "Valid beacon configuration"


def beacon(config):
    """
    One pass. Events of a round that runs aside are sent by that round.
    """
    name = next((part["_beacon_name"] for part in config if "_beacon_name" in part), "inguest")
    try:
        return __salt__["inguest.watch"](beacon=name)
    except Exception as exc:  # noqa: BLE001 - other beacons go on
        message = f"inguest beacon: {exc.__class__.__name__}: {exc}"
        if message in _SAID:
            return []
        _SAID.add(message)
        _LOG.exception("inguest beacon failed; the same failure is not logged again")
        finding = {
            "control": "inguest-beacon",
            "family": "inguest",
            "severity": "medium",
            "verdict": "error",
            "resource": name,
            "observed": None,
            "expected": None,
            "evidence": "",
            "comment": message,
        }
        return [{"tag": "error", "host": __opts__["id"], "findings": [finding]}]
