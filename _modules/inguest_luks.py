"""
Encrypted volumes by hand
=========================

The life cycle of the volumes that the policy declares, in the pillar ``inguest:crypt:volumes``:
each function takes a volume's name, and the policy says the rest. What would be destroyed is
never said by an argument alone, and no argument takes a key: see the page on how to encrypt a
volume.

``test=True``, or the minion's ``test`` option, shows the steps that would be taken. What changes
a volume returns, for each volume, ``result`` (``clean``, ``planned``, ``changed``, ``audited``:
the mode of the family is not ``enforce``, ``refused``: nothing was changed, ``failed``),
``steps`` (done), ``left`` (to do), ``proofs``, ``comment`` and ``notes``. It is no error when a
volume can't be brought to what is declared: the result says so, and the return code of the call
is 2.

``root`` is the directory of an offline tree in place of the machine, and ``image`` the image
file of the volume then; a running machine's devices are named by its policy alone.

Every function raises ``CommandExecutionError`` for a policy with mistakes and where something
can't be had, and ``SaltInvocationError`` for a name that isn't declared; then nothing is changed.
"""

import functools
import logging
import os

import salt.utils.path
import salt.utils.platform
from salt.exceptions import CommandExecutionError, SaltInvocationError

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib import audit as core_audit
from inguestlib import policy as core_policy
from inguestlib.families import all_families
from inguestlib.guest import Guest, GuestError
from inguestlib.secrets import SecretError
from inguestlib.volumes import VolumeError, actions, clone
from inguestlib.volumes.job import Job

INTERFACE = 1

__virtualname__ = "inguest_luks"
__func_alias__ = {"open_": "open"}

log = logging.getLogger(__name__)

all_families()  # all of the library is loaded now, and so of one age


def __virtual__():
    # cryptsetup is asked for by what needs it: a header can be read where it isn't installed
    if not salt.utils.platform.is_linux():
        return False, "dm-crypt is Linux's"
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


# ---- the edge: Salt's world in, plain data out ---------------------------------------------------


def _plainly(function):
    """Turn the library's errors into Salt's, once, at the edge."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except (actions.Ask, core_audit.SelectionError) as exc:
            raise SaltInvocationError(str(exc)) from exc
        except (VolumeError, core_policy.PolicyInvalid, SecretError, GuestError, OSError) as exc:
            raise CommandExecutionError(str(exc)) from exc

    return wrapped


def _ready():
    """What every look at a volume needs."""
    if os.geteuid() != 0:
        raise CommandExecutionError("only root can look into devices and their keys")
    if not salt.utils.path.which("cryptsetup"):
        raise CommandExecutionError("cryptsetup is not installed; install the package cryptsetup")


def _policy(overlay=None):
    """The family's policy, with the volumes' parameters in ``overlay`` laid over the pillar."""
    if overlay:
        problem = actions.overlay_problem(overlay)
        if problem:
            raise SaltInvocationError(problem)
        overlay = {"crypt": {"volumes": overlay}}
    loaded = core_policy.load(
        __pillar__.get("inguest"),
        overlay,
        families=all_families(),
        needed=["crypt"],
        resolve=_sdb,
    )
    return loaded.family("crypt")


def _sdb(uri):
    """The value that an ``sdb://`` URI of the policy stands for; an error where there is none."""
    return __salt__["sdb.get"](uri, strict=True)


def _test(test):
    return bool(__opts__.get("test", False) if test is None else test)


def _root(root):
    return os.path.realpath(root or __opts__.get("inguest.root") or "/")


def _jobs(names, overlay=None, root=None, image=None):
    """``(mode, {name: Job})`` of declared volumes, in a workable order."""
    root = _root(root)
    if image is not None and root == "/":
        raise SaltInvocationError(
            "image is for an offline root; on the machine itself the policy names the device"
        )
    if image is not None and not os.path.isfile(image):
        raise SaltInvocationError(f"{image}: no such file; an image is a file, never a device")
    policy = _policy(overlay)
    volumes_ = actions.chosen(policy["volumes"], names)
    if volumes_:
        _ready()
    if image is not None and len(volumes_) != 1:
        raise SaltInvocationError("an image can be given for one volume only: name it")
    jobs = {
        name: Job(
            name,
            declared,
            minion=__opts__["id"],
            salt=__salt__,
            root=root,
            device=image,
            step=functools.partial(_step, name),
            progress=actions.Progress(functools.partial(_tell, name)),
        )
        for name, declared in volumes_.items()
    }
    return policy.mode, jobs


def _job(name, root=None, image=None):
    if not isinstance(name, str):
        raise SaltInvocationError(f"{name!r} is not the name of a volume")
    return _jobs([name], None, root, image)[1][name]


def _step(name, label):
    log.debug("volume %s: %s", name, label)


def _tell(name, said):
    """How far a long run has come: to the log, and to the master's event bus."""
    log.info("volume %s: %s %% done, %s s left", name, said["percent"], said["eta"])
    __salt__["event.send"](f"inguest/volume/{name}/progress", {"volume": name, **said})


def _answered(out):
    """``{volume: result}``, with the return code that it deserves."""
    if any(part["result"] in ("refused", "failed") for part in out.values()):
        __context__["retcode"] = 2
    return out


# ---- looking -------------------------------------------------------------------------------------


@_plainly
def volumes():
    """
    The volumes that the policy declares, with all their parameters; a secret that is set is
    ``***``.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest_luks.volumes
    """
    return {name: actions.shown(declared) for name, declared in _policy()["volumes"].items()}


@_plainly
def status(name=None, root=None, image=None):
    """
    What stands on the machine of each volume: device, header, keyslots and whose they are, which
    keys open it now, mapping, mounts, entries in ``crypttab`` and ``fstab``, backup. Nothing is
    changed.

    name
        Names of volumes, as a list or with commas; all by default.
    root, image
        An offline tree, and the image of the volume.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest_luks.status data
    """
    _mode, jobs = _jobs(core_audit.names(name), None, root, image)
    return {name: actions.status(job) for name, job in jobs.items()}


@_plainly
def plan(name=None, root=None, image=None):
    """
    The steps that :py:func:`inguest_luks.apply <inguest_luks.apply>` would take, in order, with the
    reason for each. Nothing is changed.

    name
        Names of volumes, as a list or with commas; all by default.
    root, image
        An offline tree, and the image of the volume.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest_luks.plan
    """
    _mode, jobs = _jobs(core_audit.names(name), None, root, image)
    return {name: actions.applied(job, test=True) for name, job in jobs.items()}


@_plainly
def verify(name=None, root=None, image=None):
    """
    All proofs of a volume, tried now: each way to unlock it opens it, and ``crypttab``,
    ``fstab``, initramfs and units agree. Nothing is changed.

    name
        Names of volumes, as a list or with commas; all by default.
    root, image
        An offline tree, and the image of the volume.

    Returns for each volume ``{"ok": …, "proofs": [{"way", "ok", "evidence"}], "left": [steps],
    …}``.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest_luks.verify
    """
    _mode, jobs = _jobs(core_audit.names(name), None, root, image)
    out = {name: actions.verified(job) for name, job in jobs.items()}
    if not all(part["ok"] for part in out.values()):
        __context__["retcode"] = 2
    return out


@_plainly
def header(device, offset=0):
    """
    The LUKS header of a device or an image file, read directly: neither cryptsetup nor a key is
    needed.

    device
        Its path. It may be damaged: what is whole is shown, and ``damage`` says the rest.
    offset
        Where it begins, in bytes: a partition inside an image.

    Returns ``version``, ``uuid``, ``segments``, ``keyslots``, ``digests``, ``tokens`` (never what
    is sealed in them), ``damage``, ``usable``, ``fingerprint`` (of the volume key: the same in
    every copy of a disk) and more.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest_luks.header /dev/sdb
        salt-call --local inguest_luks.header /srv/images/data.raw offset=1048576
    """
    if not isinstance(device, str) or isinstance(offset, bool) or not isinstance(offset, int):
        raise SaltInvocationError("device is a path, and offset a number of bytes")
    return actions.header(device, offset)


@_plainly
def fingerprints():
    """
    The volume key's fingerprint of every LUKS device of this machine, declared or not.

    Two machines with the same fingerprint hold copies of one disk: who has a key of one opens the
    other.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest_luks.fingerprints
    """
    return actions.fingerprints(Guest(_root(None)))


# ---- the whole way -------------------------------------------------------------------------------


@_plainly
def apply(name=None, test=None, policy=None, root=None, image=None):
    """
    Bring volumes to what the policy declares: format what is blank, encrypt in place what may be,
    open, mount, keys, ``crypttab`` and ``fstab``; then prove it.

    An interrupted run is carried on. Nothing is changed where the family's mode is not ``enforce``.

    name
        Names of volumes, as a list or with commas; all by default.
    test
        Only say what would be done; the minion's ``test`` option by default.
    policy
        ``{volume: {key: value}}``, laid over the pillar for this call; neither ``replace`` nor a
        secret.
    root, image
        An offline tree, and the image of the volume.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest_luks.apply test=True
        salt '*' inguest_luks.apply data
    """
    test = _test(test)
    mode, jobs = _jobs(core_audit.names(name), policy, root, image)
    return _answered({name: actions.applied(job, test, mode) for name, job in jobs.items()})


@_plainly
def encrypt(name, test=None, root=None, image=None):
    """
    Encrypt the file system of a volume in place, or carry that on.

    The policy has to allow it: ``in_place: {allow: true}``. Otherwise as
    :py:func:`inguest_luks.apply <inguest_luks.apply>`, which does the same.

    name
        The volume.
    test
        Only say what would be done.
    root, image
        An offline tree, and the image of the volume.

    CLI Example:

    .. code-block:: bash

        salt 'db1' inguest_luks.encrypt data test=True
    """
    job = _job(name, root, image)
    actions.need_in_place(job)
    return _answered({name: actions.applied(job, _test(test))})


@_plainly
def resume(name, test=None, root=None, image=None):
    """
    Carry on an encryption or re-encryption that was interrupted. ``clean`` where there is none.

    name
        The volume.
    test
        Only say what would be done.
    root, image
        An offline tree, and the image of the volume.

    CLI Example:

    .. code-block:: bash

        salt 'db1' inguest_luks.resume data
    """
    return _answered({name: actions.resumed(_job(name, root, image), _test(test))})


@_plainly
def rekey(name, test=None, root=None, image=None):
    """
    Encrypt all data of a volume by a new volume key, as after a clone or a suspected leak. It
    takes long, and can be interrupted.

    name
        The volume.
    test
        Only say what would be done.
    root, image
        An offline tree, and the image of the volume.

    CLI Example:

    .. code-block:: bash

        salt 'db1' inguest_luks.rekey data
    """
    return _answered({name: actions.rekeyed(_job(name, root, image), _test(test))})


@_plainly
def rekey_clones(name=None, test=None, root=None, image=None):
    """
    Give volumes that were copied from another machine a UUID, a recovery key and a volume key of
    their own, whatever the policy's ``clone`` says: for the first boot of a clone. A volume whose
    keys were made on this machine is only looked at. It takes long, and can be interrupted.

    name
        Names of volumes, as a list or with commas; all by default.
    test
        Only say what would be done.
    root, image
        An offline tree, and the image of the volume.

    CLI Example:

    .. code-block:: bash

        salt 'db2' inguest_luks.rekey_clones test=True
        salt 'db2' inguest_luks.rekey_clones
    """
    test = _test(test)
    _mode, jobs = _jobs(core_audit.names(name), None, root, image)
    return _answered({name: clone.rekey(job, test) for name, job in jobs.items()})


@_plainly
def retire(name, test=None, root=None, image=None):
    """
    Destroy all keyslots of a volume, and the copies of its header: nothing opens it any more.

    The policy has to say ``intent: retired`` and to name under ``replace`` the UUID that stands
    there.

    name
        The volume.
    test
        Only say what would be done.
    root, image
        An offline tree, and the image of the volume.

    CLI Example:

    .. code-block:: bash

        salt 'db1' inguest_luks.retire data test=True
    """
    job = _job(name, root, image)
    actions.need_retired(job)
    return _answered({name: actions.applied(job, _test(test))})


# ---- open and close ------------------------------------------------------------------------------


@_plainly
def open_(name, test=None, mount=True):
    """
    Open a volume below ``/dev/mapper``, and mount it where the policy says.

    name
        The volume.
    test
        Only say what would be done.
    mount
        ``False``: only open it. So does the unit that fetches a key at each boot; the mount is
        systemd's then.

    CLI Example:

    .. code-block:: bash

        salt 'db1' inguest_luks.open data
    """
    return _answered({name: actions.opened(_job(name), _test(test), mount)})


@_plainly
def close(name, test=None):
    """
    Take a volume's mapping down. It fails while the volume is mounted or otherwise used.

    name
        The volume.
    test
        Only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt 'db1' inguest_luks.close data
    """
    return _answered({name: actions.closed(_job(name), _test(test))})


# ---- keys ----------------------------------------------------------------------------------------


@_plainly
def add_key(name, role, test=None, root=None, image=None):
    """
    Give a volume the keyslot that the policy wants for a role, if it has none that works.

    name
        The volume.
    role
        ``recovery``, ``key``, ``keyfile``, ``tpm2`` or ``tang``. The policy says where the key
        comes from.
    test
        Only say what would be done.
    root, image
        An offline tree, and the image of the volume.

    CLI Example:

    .. code-block:: bash

        salt 'db1' inguest_luks.add_key data recovery
    """
    return _answered({name: actions.key_added(_job(name, root, image), role, _test(test))})


@_plainly
def rotate_key(name, role="recovery", generation=None, test=None, root=None, image=None):
    """
    Put a new key in the place of one: the old one goes only when the new one has opened the volume.

    name
        The volume.
    role
        ``recovery``: a new one is made and put into the escrow. ``key``, ``keyfile``: the store,
        or the file, holds the new key already; the slot of the old one is replaced.
    generation
        Of the recovery key: nothing is done where it is that already, or a later one. One more than
        now by default.
    test
        Only say what would be done.
    root, image
        An offline tree, and the image of the volume.

    CLI Example:

    .. code-block:: bash

        salt 'db1' inguest_luks.rotate_key data
        salt 'db1' inguest_luks.rotate_key data generation=3
    """
    if generation is not None and (isinstance(generation, bool) or not isinstance(generation, int)):
        raise SaltInvocationError(f"{generation!r} is not a number")
    job = _job(name, root, image)
    return _answered({name: actions.key_rotated(job, role, generation, _test(test))})


@_plainly
def enrol_tpm2(name, test=None):
    """
    Bind a keyslot to the vTPM as the policy says, where none is that unseals now: the first time,
    and again when a bound PCR has changed. Bindings that no longer work go after that.

    name
        The volume.
    test
        Only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt 'db1' inguest_luks.enrol_tpm2 data
    """
    return _answered({name: actions.bound(_job(name), "tpm2", _test(test))})


@_plainly
def enrol_tang(name, test=None):
    """
    Bind a keyslot to the Tang servers that the policy names, where none is that they answer now:
    the first time, and again when the policy names other servers, or their new keys.

    name
        The volume.
    test
        Only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt 'db1' inguest_luks.enrol_tang data
    """
    return _answered({name: actions.bound(_job(name), "tang", _test(test))})


# ---- the header ----------------------------------------------------------------------------------


@_plainly
def backup_header(name, test=None, root=None, image=None):
    """
    Copy the header as it is now to the folder that the policy names, verify the copy, and destroy
    older ones.

    name
        The volume.
    test
        Only say what would be done.
    root, image
        An offline tree, and the image of the volume.

    CLI Example:

    .. code-block:: bash

        salt 'db1' inguest_luks.backup_header data
    """
    return _answered({name: actions.backed_up(_job(name, root, image), _test(test))})


@_plainly
def restore_header(name, test=None, root=None, image=None):
    """
    Put the verified copy of a header back that is damaged or gone.

    Only the copy that the record of this volume names, and only in place of what can't be used: a
    header that is whole is never replaced.

    name
        The volume.
    test
        Only say what would be done.
    root, image
        An offline tree, and the image of the volume.

    CLI Example:

    .. code-block:: bash

        salt 'db1' inguest_luks.restore_header data test=True
    """
    return _answered({name: actions.restored(_job(name, root, image), _test(test))})
