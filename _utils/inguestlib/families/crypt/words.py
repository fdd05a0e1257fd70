"""Sentences that several findings share."""

COSTS = (
    "the guest isn't declared sensitive (inguest:crypt:sensitive), and encryption inside it costs: "
    "the datastore (vSAN) encrypts the same blocks a second time, and can neither deduplicate nor "
    "compress them, and the disk takes up its full size, whatever is free on it"
)
ENCRYPT = (
    "no apply of this family encrypts: declare the volume in inguest:crypt:volumes, then "
    "inguest_luks.plan shows how it would be encrypted, and the state inguest_luks.volume does it"
)
