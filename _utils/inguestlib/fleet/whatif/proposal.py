"""The policy that is tried: a whole one from a file, or a part that is laid over each pillar.

A proposal is plain data, for it goes to other processes: ``{"from": "file"|"pillar", "data"}``.
"""

from collections.abc import Mapping

from inguestlib import policy as core_policy
from inguestlib.families import all_families
from inguestlib.schema import Problem


class ProposalError(ValueError):
    """What was given is no policy at all; the message says why."""


def from_text(text, name):
    """A proposal from YAML: the pillar ``inguest:``, with that key or without.

    text
        Without a renderer: neither Jinja nor ``#!`` is understood, and YAML's tags make no objects.
    name
        Of the file, for messages.

    Raises :class:`ProposalError`.
    """
    import yaml

    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        hint = "; Jinja is not rendered here" if "{%" in text or "{{" in text else ""
        raise ProposalError(f"{name}: {' '.join(str(exc).split())}{hint}") from exc
    return {"from": "file", "data": _policy_in(data, name)}


def from_mapping(data):
    """A proposal that is laid over the pillar of each host.

    Raises :class:`ProposalError`.
    """
    return {"from": "pillar", "data": _policy_in(data, "pillar")}


def _policy_in(data, name):
    if isinstance(data, Mapping) and list(data) == ["inguest"]:
        data = data["inguest"]
    if not isinstance(data, Mapping) or not data:
        raise ProposalError(f"{name}: is not a mapping in the shape of the pillar inguest:")
    return _plain(data)


def _plain(data):
    if isinstance(data, Mapping):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(value) for value in data]
    return data


def check(proposed):
    """The mistakes of a proposal as texts, as far as they show without a pillar.

    Of a part, keys that are missing are no mistake.
    """
    try:
        policy(proposed, {} if proposed["from"] == "pillar" else None)
    except core_policy.PolicyInvalid as exc:
        missing = "is missing" if proposed["from"] == "pillar" else None
        return [str(p) for p in exc.problems if p.problem != missing]
    return []


def policy(proposed, pillar=None):
    """The :class:`inguestlib.policy.Policy` of a host.

    pillar
        What stands under ``inguest:`` in its pillar; ignored for a whole policy.

    Raises :class:`inguestlib.policy.PolicyInvalid`.
    """
    families = all_families()
    if proposed["from"] == "file":
        return core_policy.load(proposed["data"], families=families)
    if not isinstance(pillar, Mapping):
        raise core_policy.PolicyInvalid(
            [Problem("inguest", "is not a mapping in this host's pillar", "mend its pillar")]
        )
    return core_policy.load(pillar, proposed["data"], families=families)
