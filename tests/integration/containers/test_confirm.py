"""Nobody is cut off: what is not confirmed reverts on a booted machine, its minion dead or not.

The minion knows its master by a name, so that resolvers which answer nobody cut it off.
"""

import json
import time

import pytest
from integration.containers.seen import state

from inguestlib.fleet import settings, store
from support.told import told

pytestmark = [pytest.mark.integration, pytest.mark.container, pytest.mark.slow]

WINDOW = 20
USUAL = 120
LONG = 3600
NAMED = "web.corp.example"  # the master, as the resolvers of the wire know it
UNITS = "systemctl list-timers --all --no-legend 'inguest*'; find /etc/systemd/system -name 'ing*'"
JOURNALS = "/var/lib/inguest/journal"


@pytest.fixture(scope="module")
def minion(salted, wire):
    """A machine whose minion has come to its master by the master's name."""
    with salted("bookworm", "resolved", resolvers=(wire.stranger,)) as minion:
        config = json.loads(minion.container.read("/etc/salt/minion"))
        minion.container.write("/etc/salt/minion", json.dumps({**config, "master": NAMED}))
        minion.container.run("systemctl", "restart", "salt-minion", check=True)
        yield minion.wait()


@pytest.fixture(autouse=True)
def asking_a_stranger(minion, wire):
    """Each test begins with a resolver that the policy does not name; nothing is left armed."""
    if wire.stranger not in effective(minion):
        minion.pillar(policy([wire.stranger], USUAL))
        assert state(minion.salt("state.apply", "inguest"))["result"] is True
    minion.pillar(policy(wire.resolvers))
    yield
    assert not journals(minion)
    assert minion.container.run("sh", "-c", UNITS).out == ""


def policy(servers, window=WINDOW):
    dns = {"mode": "enforce", "servers": list(servers)}
    return {"inguest": {"mode": "off", "dns": dns, "confirm": {"window": window}}}


def effective(minion):
    """The resolvers that systemd-resolved asks."""
    return minion.container.run("resolvectl", "dns", check=True).out


def journals(minion):
    """The open journals of the guest."""
    return minion.container.run("sh", "-c", f"ls {JOURNALS} 2>/dev/null").out.split()


def seen(minion):
    """All of /etc but what is Salt's, and the resolvers that are asked."""
    find = "find /etc -not -path '/etc/salt/*' -type f -exec sha256sum {} + | sort"
    return minion.container.run("sh", "-c", find).out, effective(minion)


def becomes(minion, before, seconds):
    """Wait until the guest is as before and nothing is open; how many seconds that took."""
    begun = time.monotonic()
    while journals(minion) or seen(minion) != before:
        assert time.monotonic() - begun < seconds, (seen(minion)[1], journals(minion))
        time.sleep(0.5)
    return time.monotonic() - begun


def left_unconfirmed(minion, wire):
    report = minion.salt("inguest.apply", confirm="later")
    assert report["families"]["dns"]["result"] == "unconfirmed", report["families"]
    assert report["confirm"]["journals"] == journals(minion)
    assert wire.stranger not in effective(minion)
    return report["confirm"]


def test_not_confirmed_it_reverts_though_the_minion_is_dead(minion, wire):
    before = seen(minion)
    waits = left_unconfirmed(minion, wire)
    refused = minion.salt("inguest.apply")
    assert f"wait for their confirmation until {waits['until']}" in refused
    minion.container.run("systemctl", "kill", "-s", "KILL", "salt-minion", check=True)
    minion.container.run("systemctl", "stop", "salt-minion")
    becomes(minion, before, WINDOW + 120)
    minion.container.run("systemctl", "start", "salt-minion", check=True)
    minion.wait()
    (name,) = waits["journals"]
    assert minion.salt("inguest.confirm", ids=name) == {name: "reverted"}


def test_confirmed_by_the_master_it_stays(minion, wire):
    waits = left_unconfirmed(minion, wire)
    (name,) = waits["journals"]
    assert minion.salt("inguest.waiting") == waits
    assert minion.salt("inguest.confirm", ids=name) == {name: "confirmed"}
    after = seen(minion)
    time.sleep(WINDOW + 5)
    assert seen(minion) == after
    assert minion.salt("inguest.confirm", ids=name) == {name: "confirmed"}, "and may ask again"


def test_the_runner_confirms_what_it_has_audited_again(minion, wire):
    master = minion.master
    master.run("saltutil.sync_all")
    kept = store.open_store(settings.load({"cachedir": master.options["cachedir"]}))
    try:
        told(kept, {minion.id: minion.salt("inguest.audit")})
    finally:
        kept.close()
    done = master.run("inguest.enforce", minion.id, "--out=json", "--log-level=error")
    assert done.returncode == 0, (done.stdout, done.stderr)
    data = json.loads(done.stdout)
    assert (data["state"], data["hosts"][minion.id]["state"]) == ("done", "done")
    assert wire.stranger not in effective(minion)
    assert minion.salt("inguest.waiting") == {}


def test_a_plain_state_asks_the_master_anew_and_then_stays(minion, wire):
    minion.pillar(policy(wire.resolvers, USUAL))
    ret = state(minion.salt("state.apply", "inguest"))
    assert ret["result"] is True, ret
    assert not journals(minion)
    assert wire.stranger not in effective(minion)


def test_a_master_that_is_not_found_any_more_undoes_it(minion, wire):
    """The connection that stands would go on; the next one would not come about."""
    before = seen(minion)
    minion.pillar(policy([f"{wire.prefix}.200"]))
    ret = state(minion.salt("state.apply", "inguest"))
    assert ret["result"] is False
    assert ret["changes"] == {}
    assert "the master was not reached by a new connection, so undone" in ret["comment"]
    assert becomes(minion, before, 60) is not None


def test_killed_within_an_effect_it_reverts(minion, wire):
    before = seen(minion)
    begun = f"cat {JOURNALS}/*/steps.jsonl 2>/dev/null | grep -c before"
    script = (
        "salt-call --local test.ping >/dev/null; setsid salt-call inguest.apply >/dev/null 2>&1 & "
        f"pid=$!; for i in $(seq 3000); do [ $({begun}) -ge 1 ] && break; sleep 0.01; done; "
        "kill -9 -$pid; wait"
    )
    minion.container.run("setsid", "bash", "-m", "-c", script)
    assert journals(minion), "the kill came too late to prove anything"
    becomes(minion, before, WINDOW + 120)


def test_a_power_cut_within_the_window_reverts_at_the_next_boot(minion, wire):
    """By the boot itself: no run is asked for, and the window would last for long."""
    before = seen(minion)
    minion.pillar(policy(wire.resolvers, LONG))
    left_unconfirmed(minion, wire)
    minion.container.run("sync")
    minion.container.cut()
    minion.container.boot()
    becomes(minion, before, 150)
    minion.wait()
