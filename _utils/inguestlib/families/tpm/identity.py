"""tpm-unique-ek: the TPM's identity, for the master to compare over the fleet.

A virtual machine that was cloned together with its vTPM has the same one: what was sealed to the
TPM of the original opens on the copy. No guest sees that by itself.
"""

from inguestlib import schema as s
from inguestlib.families.tpm import wire
from inguestlib.families.tpm.where import here, needs_tpm
from inguestlib.model import control, unknown

# Where the certificates of the endorsement keys are: TCG EK Credential Profile, 2.2.1.4.
_CERTIFICATES = {0x01C00002: "RSA 2048", 0x01C0000A: "ECC P-256"}
_KEYS = (0x81010001, 0x81010002)

SCHEMA = {
    "derive_ek": s.Bool(
        True,
        help="where the TPM holds neither certificate nor key, have it derive its endorsement key; "
        "nothing of it stays",
    )
}


def observe(guest, params):
    """``{"digest": "sha256:…" or None, "source": …}`` of the endorsement key; ``None``: no TPM.

    ``source`` says of what: ``certificate 0x1c00002 (RSA 2048)``, ``key 0x81010001``, or
    ``derived ECC P-256``. Only digests of one source can be compared.
    """
    if not here(guest):
        return None
    with wire.opened(guest) as tpm:
        for index, name in _CERTIFICATES.items():
            if content := tpm.nv(index):
                return {
                    "digest": wire.digest(content),
                    "source": f"certificate {index:#x} ({name})",
                }
        for handle in _KEYS:
            if public := tpm.public(handle):
                return {"digest": wire.digest(public), "source": f"key {handle:#x}"}
        if not params["derive_ek"]:
            return {"digest": None, "source": None}
        return {"digest": wire.digest(tpm.endorsement_key()), "source": "derived ECC P-256"}


OBSERVERS = {"ek": observe}


@control(
    id="tpm-unique-ek",
    title="The endorsement key is unique to this VM",
    why="A clone with the original's TPM opens all that was sealed to it.",
    severity="medium",
    topic="vTPM of cloned VMs",
    enforceable="no",
    offline=False,
    tier=2,
)
@needs_tpm
def unique_ek(facts, policy):
    seen = facts["ek"]
    if seen["digest"] is None:
        yield unknown(
            "endorsement key",
            "the TPM holds neither its certificate nor the key, and inguest:tpm:derive_ek is false",
        )
        return
    yield unknown(
        "endorsement key",
        "no guest can see that another one has the same: salt-run inguest.clones compares them",
        observed=seen["digest"],
        expected="unique in the fleet",
        evidence=f"{wire.DEVICE}: {seen['source']}",
    )


CONTROLS = (unique_ek,)
