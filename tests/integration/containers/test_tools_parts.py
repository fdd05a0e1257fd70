"""Parts of VMware Tools that nobody named leave a real machine; a damaged one is found."""

import pytest
from integration.containers.seen import of, state

pytestmark = [pytest.mark.integration, pytest.mark.container, pytest.mark.slow]

PLUGINS = "/usr/lib/x86_64-linux-gnu/open-vm-tools/plugins/vmsvc"
CONTROLS = ["tools-plugin-inventory", "tools-binary-integrity", "tools-desktop-absent"]
POLICY = {"mode": "off", "tools": {"mode": "enforce", "plugins": {"remove": True}}}


@pytest.fixture(scope="module")
def minion(salted):
    with salted("bookworm", "tools") as minion:
        minion.pillar({"inguest": POLICY})
        yield minion


def apply(minion, **keywords):
    words = {"name": "tools", "controls": CONTROLS, **keywords}
    return state(minion.salt("state.single", "inguest.tools", **words))


def test_what_nobody_named_is_removed(minion):
    box = minion.container
    box.write(f"{PLUGINS}/libextra.so", "evil")
    box.run("mkdir", "-p", "/etc/xdg/autostart", check=True)
    box.write("/etc/xdg/autostart/vmware-user.desktop", "[Desktop Entry]\n")
    box.run("chmod", "0777", "/usr/bin/VGAuthService", check=True)
    planned = apply(minion, test=True)
    assert planned["result"] is None
    made = apply(minion)
    assert made["result"] is True, made["comment"]
    assert made["changes"] == planned["changes"]
    assert "open-vm-tools-sdmp" in made["changes"]
    gone = (f"{PLUGINS}/libextra.so", f"{PLUGINS}/libserviceDiscovery.so")
    for path in (*gone, "/etc/xdg/autostart/vmware-user.desktop"):
        assert box.run("test", "-e", path).rc, path
    assert apply(minion)["changes"] == {}


def test_a_replaced_program_is_reported_and_left(minion):
    box = minion.container
    box.run("sh", "-c", "echo evil >> /usr/bin/vmware-rpctool", check=True)
    made = apply(minion)
    assert made["changes"] == {}
    report = minion.salt("inguest.audit", controls=CONTROLS)
    found = {(control, resource) for control, resource, _ in of(report, "drift")}
    assert found == {("tools-binary-integrity", "/usr/bin/vmware-rpctool")}
