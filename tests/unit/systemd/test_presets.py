from inguestlib.systemd import presets

RULES = presets.parse(
    """
# first match wins
enable sshd.service
disable ssh*
; instances
enable getty@.service tty1 tty2
disable getty@.service
disable *
""",
    "/p",
)


def test_the_first_rule_that_matches_wins():
    assert presets.query(RULES, "sshd.service") == (True, "/p:3")
    assert presets.query(RULES, "sshguard.service") == (False, "/p:4")


def test_instances():
    assert presets.query(RULES, "getty@tty2.service") == (True, "/p:6")
    assert presets.query(RULES, "getty@tty3.service") == (False, "/p:8")


def test_no_rule_means_enable():
    assert presets.query(presets.parse("disable foo"), "bar.service") == (True, "")
