"""A machine as files: recorded devices, real LUKS headers where its disks are, its own files."""

import subprocess

from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest
from inguestlib.luks import header
from support.blocktree import BlockTree
from support.cases import write

KEY = b"a key of the tests"
_QUICK = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")


def cryptsetup(*args):
    """Run cryptsetup; the key goes by its standard input."""
    command = ("cryptsetup", "-q", *map(str, args))
    subprocess.run(command, input=KEY, capture_output=True, check=True)


class Machine(BlockTree):
    """A :class:`BlockTree` that the family crypt judges, as a running guest or an offline root."""

    def put(self, files):
        """Write files, ``{guest path: text}``; what is there is replaced."""
        for path in files:
            (self.root / path.lstrip("/")).unlink(missing_ok=True)
        write(self.root, files)
        return self

    def luks_on(self, name, *options, version=2, **more):
        """A disk that carries a LUKS header made by cryptsetup; gives the header."""
        node = self.root / "dev" / name
        subprocess.run(("truncate", "-s", "32M", node), check=True)
        quick = () if "--pbkdf" in options else _QUICK
        cryptsetup("luksFormat", "--type", f"luks{version}", *quick, *options, node, "-")
        found = header.read(node)
        links = [f"/dev/disk/by-uuid/{found['uuid']}", f"/dev/disk/by-id/scsi-{name}"]
        self.disk(name, size=32 << 20, links=links, **more)
        return found

    def opened(self, name, on, found, **more):
        """The mapping of a header, open."""
        return self.luks(name, on, uuid=found["uuid"].replace("-", ""), **more)

    def facts(self, live=True, **params):
        """``(facts, policy)`` of the family."""
        loaded = policy.load({"crypt": params}, families=all_families(), needed=["crypt"])
        loaded = loaded.for_guest("box")
        facts = audit.observe(Guest(self.root), loaded, ["crypt"])
        facts["guest"] |= {"live": live, "populated": True, "container": ""}
        return facts, loaded

    def judge(self, control, live=True, **params):
        """``{resource: finding}`` of one control."""
        facts, loaded = self.facts(live, **params)
        found = audit.judge(facts, loaded, ["crypt"], [control])
        names = [finding.resource for finding in found]
        assert len(set(names)) == len(names), names
        return {finding.resource: finding for finding in found}


def verdicts(findings):
    """``{resource: verdict}``."""
    return {resource: str(finding.verdict) for resource, finding in findings.items()}
