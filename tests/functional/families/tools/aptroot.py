"""A tree with apt's sources, its copies of the indexes and dpkg's status, written by hand."""

import gzip
import lzma
import subprocess

STATUS = """Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21.22

"""


def stanza(name, version, status=""):
    """A package in a list of packages, or in dpkg's status."""
    said = f"Status: {status} ok installed\n" if status else ""
    return (
        f"Package: {name}\n{said}Architecture: amd64\nVersion: {version}\n"
        f"Maintainer: x <x@corp.example>\nDescription: x\nFilename: {name}.deb\nSize: 1\n\n"
    )


class AptRoot:
    """A Debian of a few files at ``root``; paths are the guest's."""

    def __init__(self, root, codename="bookworm", os_id="debian"):
        self.root = root
        self.write("/etc/os-release", f"ID={os_id}\nVERSION_ID=12\nVERSION_CODENAME={codename}\n")
        for folder in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/lib/apt/lists/partial"):
            (root / folder).mkdir(parents=True)
        (root / "var/cache/apt/archives/partial").mkdir(parents=True)
        self.installed()

    def write(self, path, text):
        real = self.root / path[1:]
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_bytes(text if isinstance(text, bytes) else text.encode())

    def installed(self, *packages):
        """dpkg's status: ``(name, version[, "hold"])``."""
        rows = [stanza(p[0], p[1], p[2] if len(p) > 2 else "install") for p in packages]
        self.write("/var/lib/dpkg/status", STATUS + "".join(rows))

    def suite(self, suite, packages, host="deb.example", suffix="", **release):
        """A source of this suite and what apt has fetched of it; ``packages`` as pairs."""
        with open(self.root / "etc/apt/sources.list", "a", encoding="ascii") as file:
            file.write(f"deb [trusted=yes] http://{host}/debian {suite} main\n")
        self.lists(suite, packages, host, suffix, **release)

    def lists(self, suite, packages, host="deb.example", suffix="", **release):
        """Only what apt has fetched."""
        fields = {"Origin": "Debian", "Label": "Debian", "Suite": suite, "Codename": suite}
        fields.update({k.replace("_", "-"): v for k, v in release.items()})
        fields.setdefault("Date", "Mon, 23 Nov 2026 08:00:00 UTC")
        fields.update({"Components": "main", "Architectures": "amd64"})
        stem = f"/var/lib/apt/lists/{host}_debian_dists_{suite.replace('/', '_')}"
        text = "".join(f"{key}: {value}\n" for key, value in fields.items() if value)
        self.write(f"{stem}_Release", text)
        data = "".join(stanza(*package) for package in packages).encode()
        pack = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}[suffix]
        self.write(f"{stem}_main_binary-amd64_Packages{suffix}", pack(data))

    def apt_chooses(self, name):
        """apt's own candidate, ``None`` where it has none."""
        argv = ["apt-cache", "policy", name]
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "APT_CONFIG": self._conf()}
        done = subprocess.run(argv, capture_output=True, text=True, check=True, env=env)
        for line in done.stdout.splitlines():
            if line.startswith("  Candidate: "):
                version = line.partition(": ")[2]
                return None if version == "(none)" else version
        return None

    def _conf(self):
        """apt reads the machine's own apt.conf.d before any option: point it elsewhere."""
        path = self.root / "apt.conf"
        path.write_text(
            f'Dir "{self.root}";\nDir::State::status "{self.root}/var/lib/dpkg/status";\n'
            'APT::Architecture "amd64";\n'
        )
        return str(path)
