"""What the machine lacks is a skip for a person and a failure where no gap may hide."""

import pytest

from support import need


def test_it_skips_and_says_why(monkeypatch):
    monkeypatch.delenv("INGUEST_CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program.*install-rig"):
        need.program("no-such-program")


def test_it_fails_on_the_projects_own_machines(monkeypatch):
    monkeypatch.setenv("INGUEST_CI", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        need.program("no-such-program", "sh")
