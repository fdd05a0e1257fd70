#!/bin/sh
# Installs what the tests of virtual machines need, besides install-rig.sh.
# Quick when everything is there; touches nothing unless root with apt.
set -eu

RIG_PACKAGES="qemu-system-x86 qemu-utils ovmf swtpm swtpm-tools e2fsprogs"
export RIG_PACKAGES
exec sh "$(dirname "$0")/install-rig.sh"
