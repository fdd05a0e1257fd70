"""What a guest is for, and what a site still does to it from outside.

Some hardening of VMware Tools takes away what templates, disaster recovery and backup rely on.
Such a control asks :func:`choice` what the policy wants, and names the key where it says nothing.
"""

from inguestlib import schema as s
from inguestlib.model import unknown

ROLES = ("deployed", "template")

# The guest operations that the service for Linux knows, by their names in the vSphere API.
OPERATIONS = (
    "StartProgramInGuest",
    "ListProcessesInGuest",
    "TerminateProcessInGuest",
    "ReadEnvironmentVariableInGuest",
    "MakeDirectoryInGuest",
    "DeleteFileInGuest",
    "DeleteDirectoryInGuest",
    "MoveDirectoryInGuest",
    "MoveFileInGuest",
    "CreateTemporaryFileInGuest",
    "CreateTemporaryDirectoryInGuest",
    "ListFilesInGuest",
    "ChangeFileAttributesInGuest",
    "InitiateFileTransferFromGuest",
    "InitiateFileTransferToGuest",
    "ValidateCredentialsInGuest",
    "AcquireCredentialsInGuest",
    "ReleaseCredentialsInGuest",
    "AddGuestAlias",
    "RemoveGuestAlias",
    "RemoveGuestAliasByCert",
    "ListGuestAliases",
    "ListGuestMappedAliases",
)

_ABLE = ("disabled", "enabled")

SCHEMA = {
    "role": s.Choice(
        ROLES, None, help="a deployed guest, or a template that guests are still made of"
    ),
    "guest_operations": s.Either(
        s.Choice(_ABLE, None),
        s.Struct(
            {
                "allow": s.ListOf(
                    s.Choice(OPERATIONS), unique=True, help="the operations that stay enabled"
                )
            }
        ),
        help="guest operations (VIX) from outside; else disabled where deployed, enabled on a "
        "template",
    ),
    "customization": s.Choice(
        _ABLE,
        None,
        help="customisation from outside; else disabled where deployed, enabled on a template",
    ),
    "custom_scripts": s.Choice(
        _ABLE, "disabled", help="scripts that a customisation specification brings along"
    ),
}
OBSERVERS = {}
CONTROLS = ()

# What stops to work from outside, said in the finding of the control that stops it.
BREAKS = {
    "guest_operations": "guest operations carry customisation through the API, re-IP by disaster "
    "recovery and backup agents that log in from outside: these stop",
    "customization": "cloning with a customisation specification and re-IP by disaster recovery "
    "need customisation: both stop",
    "custom_scripts": "scripts of customisation specifications no longer run",
}


def choice(policy, key):
    """What the policy wants of ``key``, ``disabled``, ``enabled`` or more; ``None``: unsaid.

    ``inguest:tools:<key>`` counts; else, for what depends on it, the role: a deployed guest
    wants it disabled, a template enabled.
    """
    if policy[key] is not None:
        return policy[key]
    return {"deployed": "disabled", "template": "enabled"}.get(policy["role"])


def said(policy, key):
    """Where the choice comes from, for a finding: the key of the pillar and its value."""
    if isinstance(policy[key], str):
        return f"inguest:tools:{key} is {policy[key]}"
    if policy[key] is not None:
        return f"inguest:tools:{key} names what is allowed"
    return f"inguest:tools:role is {policy['role']}"


def undecided(resource, key, *, observed=None, evidence=""):
    """The finding where the policy has to choose and has not."""
    return unknown(
        resource,
        f"the policy has to choose: inguest:tools:role ({' or '.join(ROLES)}), or "
        f"inguest:tools:{key}; disabled means: {BREAKS[key]}",
        observed=observed,
        evidence=evidence,
    )
