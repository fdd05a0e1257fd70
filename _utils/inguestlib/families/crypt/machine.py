"""Which machine this is, as the tokens of its volumes tell it: for the fleet to compare."""

from inguestlib import identity

SCHEMA = {}
CONTROLS = ()


def observe(guest, params):
    """``{"digest": "sha256:…"}`` of the machine id under a key of ours; ``None`` where it has none.

    The tokens that inguest writes beside a volume's keyslots hold it, so a volume that was copied
    names the machine on which its keys were made.
    """
    return {"digest": identity.machine_digest(guest)}


OBSERVERS = {"machine": observe}
