"""A signed apt repository on a machine's own disk, of packages made from what it has installed.

    with Repository(container.root, scratch) as repository:
        repository.add("open-vm-tools", "2:99-1")
        repository.publish()

The packages hold the very files of the installed ones, under another version: an upgrade of a
real package with its real scripts, without an archive that keeps old versions.
"""

import email.utils
import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from support import need

PLACE = "/srv/repository"  # in the machine
SOURCE = f"deb [signed-by={PLACE}/key.gpg] file:{PLACE} ./\n"


class Repository:
    """Of packages of the tree at ``root``; ``scratch`` is an empty directory.

    It lies below :data:`PLACE` of that tree, or in ``folder``, for a machine of which it isn't.
    """

    def __init__(self, root, scratch, folder=None):
        need.program("dpkg-deb", "gpg")
        self.root, self.scratch = Path(root), Path(scratch)
        self.folder = Path(folder or self.root / PLACE[1:])
        self._home = self.scratch / "gnupg"

    def __enter__(self):
        self.folder.mkdir(parents=True)
        self._home.mkdir(mode=0o700, parents=True)
        self._gpg("--passphrase", "", "--quick-gen-key", "site@corp.example", "ed25519")
        self._gpg("--output", str(self.folder / "key.gpg"), "--export")
        return self

    def __exit__(self, *exc):
        subprocess.run(
            ["gpgconf", "--kill", "all"], env=self._environment(), check=False, timeout=60
        )

    def add(self, name, version, postinst=None):
        """Put a package in that holds the installed one's files, as this version.

        Dependencies on exactly the installed version become those on the new one. ``postinst``
        replaces the script that configures it.
        """
        package = self.scratch / f"{name}-{version}".replace(":", "_")
        info = self.root / "var/lib/dpkg/info"
        for path in (info / f"{name}.list").read_text().splitlines():
            self._copy(path, package)
        (package / "DEBIAN").mkdir(parents=True, exist_ok=True)
        for part in ("conffiles", "postinst", "postrm", "preinst", "prerm", "triggers", "shlibs"):
            if (info / f"{name}.{part}").exists():
                shutil.copy2(info / f"{name}.{part}", package / "DEBIAN" / part)
        if postinst:
            (package / "DEBIAN/postinst").write_text(postinst)
            (package / "DEBIAN/postinst").chmod(0o755)
        (package / "DEBIAN/control").write_text(self._control(name, version))
        target = self.folder / f"{package.name}.deb"
        _run("dpkg-deb", "--root-owner-group", "-Zgzip", "--build", str(package), str(target))
        shutil.rmtree(package)

    def publish(self):
        """Write the index and sign it; the machine sees it after its next ``apt-get update``."""
        index = b""
        for path in sorted(self.folder.glob("*.deb")):
            data = path.read_bytes()
            fields = _run("dpkg-deb", "--field", str(path)).strip()
            fields += f"\nFilename: ./{path.name}\nSize: {len(data)}"
            index += f"{fields}\nSHA256: {hashlib.sha256(data).hexdigest()}\n\n".encode()
        (self.folder / "Packages").write_bytes(index)
        release = self.scratch / "Release"
        release.write_text(
            "Origin: Corp\nLabel: Corp\nSuite: corp\nCodename: corp\n"
            f"Date: {email.utils.formatdate(time.time() - 60, usegmt=True)}\n"
            f"SHA256:\n {hashlib.sha256(index).hexdigest()} {len(index)} Packages\n"
        )
        signed = self.folder / "InRelease"
        signed.unlink(missing_ok=True)
        self._gpg("--output", str(signed), "--clearsign", str(release))

    def _control(self, name, version):
        status = (self.root / "var/lib/dpkg/status").read_text()
        stanza = re.search(rf"^Package: {re.escape(name)}\n.*?(?=\n\n|\Z)", status, re.M | re.S)[0]
        old = re.search(r"^Version: (\S+)", stanza, re.M)[1]
        unwanted = r"^(Status|Conffiles|Config-Version):.*\n(?: .*\n)*"
        stanza = re.sub(unwanted, "", stanza + "\n", flags=re.M)
        stanza = stanza.replace(f"(= {old})", f"(= {version})")
        return re.sub(r"^Version: .*", f"Version: {version}", stanza, flags=re.M)

    def _copy(self, path, package):
        real, target = self.root / path[1:], package / path[1:]
        if real.is_dir() and not (real.is_symlink() and path.count("/") > 1):
            target.mkdir(parents=True, exist_ok=True)
        elif os.path.lexists(real):  # documentation is left out of the tests' trees
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(real, target, follow_symlinks=False)

    def _gpg(self, *argv):
        words = ("--batch", "--quiet", "--pinentry-mode", "loopback", *argv)
        _run("gpg", *words, env=self._environment())

    def _environment(self):
        return {**os.environ, "GNUPGHOME": str(self._home), "LC_ALL": "C.UTF-8"}


def _run(*argv, env=None):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stdout}{done.stderr}")
    return done.stdout
