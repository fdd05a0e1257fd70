"""The test rig: Debian trees, booted containers, a network, a resolver and a Salt master."""
