#!/bin/sh
# Installs what the tests of Debian trees, booted containers and the HTML report need.
# Quick when everything is there; touches nothing unless root with apt. RIG_PACKAGES adds to them.
set -eu

packages="mmdebstrap debian-archive-keyring systemd-container dbus iproute2 e2fsprogs cryptsetup-bin xfsprogs btrfs-progs lvm2 clevis-luks clevis-tpm2 tang-common swtpm tpm2-tools rpm libglib2.0-0 dnf createrepo-c gpg gpg-agent tinyproxy rclone curl wget git postgresql chromium fonts-dejavu-core ${RIG_PACKAGES:-}"

missing=""
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "install-rig: not root, so the tests that need$missing will be skipped" >&2
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "install-rig: no apt, so the tests that need$missing will be skipped" >&2
    exit 0
fi

export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086  # a list of words
apt-get -qq -y --no-install-recommends install $missing
