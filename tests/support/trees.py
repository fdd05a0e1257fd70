"""Debian root trees made from real packages, cached, with a cheap copy for each test.

    with writable("bookworm", "resolved", scratch) as root: ...

A tree is made once for a suite and a variant and is kept under a hash of
everything it was made from, in ``$INGUEST_TEST_CACHE``, else
``$XDG_CACHE_HOME/inguest-tests``, else ``~/.cache/inguest-tests``. Removing that
directory is always safe. A copy is an overlay mount where the kernel allows it
and a plain copy elsewhere; the cached tree is never written to.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from support import apt_sources, need, variants

RECIPE = 4  # raise it when the way a tree is made changes

MMDEBSTRAP = (
    "mmdebstrap",
    "--mode=root",
    "--variant=minbase",
    "--format=directory",
    "--quiet",
    # no documentation, translations or caches: a third of the time and of the space
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--aptopt=Acquire::Languages none",
    "--aptopt=Acquire::GzipIndexes true",
)

APT_GET = (
    "apt-get",
    "--quiet=2",
    "--yes",
    "--no-install-recommends",
    "-o=Dpkg::Use-Pty=0",
    "-o=APT::Sandbox::User=root",
)


def cache_directory():
    """Where made trees are kept."""
    chosen = os.environ.get("INGUEST_TEST_CACHE")
    if chosen:
        return Path(chosen)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "inguest-tests"


def cached(suite, variant, *more):
    """The cached tree of a suite and a variant, made now when it is not there.

    :param more: packages besides the variant's own.
    :returns: its directory. Only to be read: tests take :func:`writable`.
    :raises RuntimeError: a tool failed; the message holds what it printed.
    """
    # every variant is laid over the same seed, so that it is downloaded once
    seed = once(_key("seed", suite, variants.packages(suite, "base")), _make_seed, suite)
    wanted = (*variants.packages(suite, variant), *more)
    own = (*variants.VARIANTS[variant], *more)
    return once(_key(variant, suite, wanted), _make_variant, suite, seed, own)


@contextlib.contextmanager
def writable(suite, variant, scratch, network=None):
    """A fresh copy of a tree under ``scratch``, its network set up; gone at the end.

    :param network: :class:`variants.Network`; ``None`` writes no set-up at all.
    """
    with copy_of(cached(suite, variant), Path(scratch)) as root:
        if network is not None:
            variants.configure(root, variant, network)
        yield root


@contextlib.contextmanager
def copy_of(tree, scratch):
    """A writable copy of ``tree`` at ``scratch/root``."""
    root, upper, work = (scratch / name for name in ("root", "upper", "work"))
    for directory in (root, upper, work):
        directory.mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={tree},upperdir={upper},workdir={work}"
    command = ["mount", "-t", "overlay", "overlay", "-o", options, str(root)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not mounted:
        root.rmdir()
        run(["cp", "-a", "--reflink=auto", str(tree), str(root)])
    try:
        yield root
    finally:
        if mounted:
            run(["umount", "--lazy", str(root)])
        # overlayfs leaves work/work with mode 0, which root alone can remove
        for directory in (root, upper, work):
            subprocess.run(["chattr", "-R", "-f", "-i", str(directory)], check=False)
            shutil.rmtree(directory, ignore_errors=True)


def _make_seed(target, suite):
    """Base packages, and the index of all others so that a variant needs no update."""
    include = ",".join(variants.packages(suite, "base"))
    sources = apt_sources.for_suite(suite)
    command = [*MMDEBSTRAP, f"--include={include}", "--skip=cleanup/apt/lists"]
    command += [suite, str(target), *(["-"] if sources else [])]
    run(command, text="\n".join(sources) + "\n")


def _make_variant(target, suite, seed, wanted):
    del suite
    run(["cp", "-a", "--reflink=auto", str(seed), str(target)])
    if wanted:
        policy = target / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        resolv_conf = target / "etc/resolv.conf"
        resolv_conf.unlink(missing_ok=True)
        shutil.copyfile("/etc/resolv.conf", resolv_conf)
        # a package may replace resolv.conf: everything is fetched before any is set up
        _chroot(target, [*APT_GET, "install", "--download-only", *wanted])
        resolv_conf.write_text("")
        _chroot(target, [*APT_GET, "install", "--no-download", *wanted])
        policy.unlink()
    _chroot(target, ["apt-get", "clean"])
    shutil.rmtree(target / "var/lib/apt/lists", ignore_errors=True)
    (target / "etc/machine-id").write_text("")  # as in a golden image: made at the first boot


def _chroot(root, argv):
    """Run in the tree, with /proc and /dev of its own, gone when the command ends."""
    script = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script]
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        **{k: v for k, v in os.environ.items() if k.lower().endswith("_proxy")},
    }
    run([*command, str(root), *argv], env=environment)


def _key(name, suite, packages):
    made_of = [RECIPE, MMDEBSTRAP, suite, apt_sources.for_suite(suite), sorted(packages)]
    digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    return f"{suite}-{name}-{digest[:12]}"


def once(key, make, *arguments):
    """Make a directory of the cache when it is not there; one process makes, others wait.

    :param key: its name, which says what it is made of: a hash of it at the end.
    :param make: ``make(target, *arguments)``; ``target`` isn't there yet.
    :returns: the directory.
    """
    need.root()
    need.program("mmdebstrap", "unshare", "systemctl")
    cache = cache_directory()
    target = cache / key
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f"{key}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            begun = time.monotonic()
            partial = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=cache))
            try:
                make(partial / "root", *arguments)
                (partial / "root").rename(target)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
            print(f"rig: made {key} in {time.monotonic() - begun:.1f} s")
    return target


def run(command, text=None, env=None, stdin=None):
    """Run a tool that has to succeed.

    :raises RuntimeError: it failed; the message holds what it printed.
    """
    source = {"stdin": stdin} if stdin is not None else {"input": text or ""}
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, check=False, timeout=1200, **source
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-4000:]
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{said}")
