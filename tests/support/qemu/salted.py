"""A Salt minion in a virtual machine. The master is the test run's, on the host."""

from support import salt_rig

# After a thaw the master knows nothing of the minion's connections; the guest finds that out
# when it next sends something, so it sends something each second.
LIVELY = {"tcp_keepalive_idle": 1, "tcp_keepalive_intvl": 1, "tcp_keepalive_cnt": 3}


class GuestMinion(salt_rig.Minion):
    """The minion of a :class:`support.qemu.machine.Machine`; ``machine`` is that machine."""

    def __init__(self, machine, master):
        super().__init__(machine, master)
        self.machine = machine

    def install(self):
        """Set it up in the running machine, and start it."""
        for path, (text, mode) in self.files(**LIVELY).items():
            self.machine.write(path, text, mode)
        self.machine.run("systemctl", "enable", "--now", "salt-minion", timeout=300, check=True)

    def wait(self, timeout=300):
        """Wait until it answers ``test.ping``."""
        return super().wait(timeout)

    def reboot(self, **how):
        """Reboot the guest; the minion comes back by itself."""
        self.machine.reboot(**how)
        return self.wait()

    def boot_again(self):
        """After a cut: boot, and the minion comes back by itself."""
        self.machine.boot()
        return self.wait()
