"""Test guests that QEMU emulates: they look like virtual machines of VMware."""
