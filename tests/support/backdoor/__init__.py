"""A VMware host's side of the backdoor, for test guests that QEMU emulates.

VMware Tools talk to their host by an ``in`` instruction on an I/O port. QEMU answers the
version there, and nothing of the message channel; and Linux lets no process use the port.
The files below ``guest/`` go into a test guest's tree: a supervisor that starts the
unmodified program, catches the fault of that instruction, and answers as a host would.

``guest/usr/local/lib/backdoor``
    ``channel.py`` (the protocol, pure), ``host.py`` (what the host knows: guestinfo, answers,
    a log of what was asked, all below ``/run/backdoor``), ``tracing.py`` (ptrace),
    ``backdoor.py`` (the command).
``guest/etc/systemd/system``
    The drop-in that starts vmtoolsd so.
``guest/usr/local/bin``
    The command line tools, before those of /usr/bin on the path.

In a guest a test reads ``/run/backdoor/rpc.log``, sets what ``info-get`` answers in
``/run/backdoor/guestinfo.json`` (``{"guestinfo.userdata": "…"}``), other answers in
``/run/backdoor/answers.json`` (``{"disk.wiper.enable": "0 Disabled"}``), and puts requests of
the host into ``/run/backdoor/requests.json`` (``["Set_Option …"]``), which vmtoolsd gets on its
next poll.
"""

from pathlib import Path

GUEST = Path(__file__).parent / "guest"
LIBRARY = GUEST / "usr/local/lib/backdoor"
