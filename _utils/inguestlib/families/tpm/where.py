"""Whether there is a TPM that a control can speak about."""

import functools

from inguestlib.model import not_applicable

CLASS = "/sys/class/tpm"
CHIP = f"{CLASS}/tpm0"


def here(guest):
    """Whether an observer can read a TPM: a live guest that has one."""
    return guest.live and not guest.container and bool(guest.listdir(CLASS))


def contained(facts):
    """The finding of a container, which has its host's firmware and TPM; else ``None``."""
    if facts.guest["container"]:
        return not_applicable("firmware", "a container has its host's firmware and TPM")
    return None


def without_tpm(facts):
    """The finding where there is no TPM 2.0 to judge; else ``None``."""
    device = facts["device"]
    if device["version"] == "2":
        return None
    if device["version"]:
        said = f"the TPM is of version {device['version']}; see tpm-present"
        return not_applicable("TPM", said, evidence=device["evidence"])
    return not_applicable("TPM", "there is none; see tpm-present", evidence=device["evidence"])


def _behind(*asked):
    def decorate(judge):
        @functools.wraps(judge)
        def judged(facts, policy):
            for ask in asked:
                if finding := ask(facts):
                    yield finding
                    return
            yield from judge(facts, policy)

        return judged

    return decorate


needs_tpm = _behind(contained, without_tpm)
"""Decorate a judge that has nothing to say where there is no TPM 2.0."""
needs_firmware = _behind(contained)
"""Decorate a judge that has nothing to say of a container."""
