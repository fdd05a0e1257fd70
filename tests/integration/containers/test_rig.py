"""The rig itself: containers boot and reboot, the network answers, minions come back."""

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.container, pytest.mark.slow]

SUITES = ("bookworm", "trixie")


@pytest.mark.parametrize("suite", SUITES)
def test_a_minion_answers_and_answers_again_after_a_reboot(salted_container, suite):
    minion = salted_container(suite)
    grains = minion.salt("grains.item", "oscodename", "virtual_subtype", "init")
    assert grains["oscodename"] == suite
    assert grains["init"] == "systemd"
    before = minion.container.pid
    minion.reboot()
    assert minion.container.pid != before
    assert minion.salt("test.ping") is True
    assert minion.salt_call("test.ping") is True


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("variant", ["resolved", "networkmanager", "ifupdown", "resolvconf"])
def test_each_variant_boots_and_asks_the_tests_resolver(boot, wire, suite, variant):
    container = boot(suite, variant)
    for server in wire.servers.values():
        server.questions.clear()
    assert container.resolves("web.corp.example") == wire.master
    assert any(wire.servers[address].asked("web.corp.example") for address in wire.resolvers)
    assert not wire.servers[wire.stranger].questions
    assert container.run("systemctl", "--failed", "--no-legend").out == ""


def test_a_power_cut_leaves_a_tree_that_boots_again(boot):
    container = boot("trixie", "resolved")
    container.write("/etc/kept", "yes\n")
    container.cut()
    container.boot()
    assert container.read("/etc/kept") == "yes\n"
    container.poweroff()
