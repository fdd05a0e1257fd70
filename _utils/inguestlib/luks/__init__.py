"""LUKS headers, read from the device or image itself: no process is started, nothing is written.

:mod:`inguestlib.luks.header` reads; the other modules know one part of the format each. The
format is that of the LUKS2 On-Disk Format Specification and, for version 1, of the LUKS
On-Disk Format Specification 1.2.3.
"""


def fingerprint(header):
    """The fingerprint of the volume key that encrypts the data, or None when none does.

    :param header: what :func:`inguestlib.luks.header.read` returned.

    It is the digest of the salt and digest by which cryptsetup knows the right volume key: the
    same in every copy of a disk, another one as soon as the volume key is another. While the
    data are re-encrypted it is that of the first segment.
    """
    if not header:
        return None
    digests = {
        segment: digest["fingerprint"]
        for digest in header["digests"]
        for segment in digest["segments"]
    }
    for segment in header["segments"]:
        backup = any(flag.startswith("backup-") for flag in segment["flags"])
        if segment["type"] != "linear" and not backup and segment["id"] in digests:
            return digests[segment["id"]]
    return None
