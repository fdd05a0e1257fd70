"""What a policy of PCR values amounts to, and which PCRs no longer have the values of one. Pure.

A key that is sealed to PCRs holds a digest of their values. It is computed here from the values
that the PCRs have now, so that it is known whether a key would unseal without trying, also one
with a PIN. TCG Trusted Platform Module Library, part 3: TPM2_PolicyPCR, TPM2_PolicyAuthValue.
"""

import hashlib
import itertools
import struct

from inguestlib.families.tpm.eventlog import BANKS

_POLICY_PCR, _POLICY_AUTH_VALUE = 0x17F, 0x16B
_TRIES = 4096


def digest(values, bank, pin=False):
    """The policy's digest in hex of ``{pcr: digest in hex}``, numbers or texts of them as keys."""
    alg = next(alg for alg, (name, _size) in BANKS.items() if name == bank)
    chosen = sorted((int(n), value) for n, value in values.items())
    bits = sum(1 << n for n, _value in chosen).to_bytes(3, "little")
    joined = hashlib.sha256(b"".join(bytes.fromhex(value) for _n, value in chosen)).digest()
    selection = struct.pack(">IHB3s", 1, alg, 3, bits)
    policy = hashlib.sha256(
        bytes(32) + struct.pack(">I", _POLICY_PCR) + selection + joined
    ).digest()
    if pin:
        policy = hashlib.sha256(policy + struct.pack(">I", _POLICY_AUTH_VALUE)).digest()
    return policy.hex()


def match(sealed, bank, wanted, now, log, pin=False):
    """Whether the PCRs still have the values of a policy.

    sealed
        The policy's digest in hex.
    wanted
        The PCRs that it names, as numbers.
    now, log
        ``{"7": digest}``: the values now, and those that the event log makes.

    Returns ``(True, [])``; or ``(False, [pcr, …])`` with those that would have to go back to
    what the boot or a reset made of them for it to hold; ``(False, None)`` where that does not
    explain it, as after a change that came with the boot; ``(None, None)`` where it can't be known.
    """
    names = [str(n) for n in dict.fromkeys(wanted)]
    if not names or bank not in (name for name, _size in BANKS.values()):
        return None, None
    if any(name not in now for name in names):
        return None, None
    if digest({name: now[name] for name in names}, bank, pin) == sealed:
        return True, []
    others = {}
    for name in names:
        known = dict.fromkeys((log.get(name), "0" * len(now[name])))
        others[name] = [value for value in known if value not in (None, now[name])]
    for values in itertools.islice(_changed(others), _TRIES):
        if digest({name: values.get(name, now[name]) for name in names}, bank, pin) == sealed:
            return False, sorted(map(int, values))
    return False, None


def _changed(others):
    """``{pcr: other value}`` for one PCR, then for two, and so on."""
    names = [name for name, values in others.items() if values]
    for count in range(1, len(names) + 1):
        for chosen in itertools.combinations(names, count):
            for values in itertools.product(*(others[name] for name in chosen)):
                yield dict(zip(chosen, values, strict=True))
