import pytest

from inguestlib.systemd import names


@pytest.mark.parametrize(
    "name", ["a.service", "-.mount", "srv-a\\x2db.mount", "foo@.service", "foo@a-b.timer"]
)
def test_valid(name):
    assert names.is_valid(name)


@pytest.mark.parametrize(
    "name",
    ["", "a", "a.conf", "a b.service", ".service", "@.service", "a/b.service", "a.service.d"],
)
def test_invalid(name):
    assert not names.is_valid(name)


def test_a_name_without_suffix_is_a_service():
    assert names.full("nginx") == "nginx.service"
    assert names.full("a.b") == "a.b.service"
    assert names.full("logrotate.timer") == "logrotate.timer"


def test_templates_and_instances():
    assert names.is_template("foo@.service") and not names.is_instance("foo@.service")
    assert names.template("foo@b.service") == "foo@.service"
    assert names.template("foo.service") is None
    assert names.instantiate("foo@.service", "b") == "foo@b.service"


def test_directories_cut_the_prefix_at_each_dash():
    assert list(names.directories("foo-bar-baz.service")) == [
        "foo-bar-baz.service",
        "foo-bar-.service",
        "foo-.service",
    ]
    assert list(names.directories("foo-bar@1.service")) == [
        "foo-bar@1.service",
        "foo-bar@.service",
        "foo-.service",
        "foo-@1.service",
        "foo-@.service",
    ]
    assert list(names.directories("-.mount")) == ["-.mount"]


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("/", "-"),
        ("/srv/data", "srv-data"),
        ("/srv/a-b/", "srv-a\\x2db"),
        ("/.hidden", "\\x2ehidden"),
        ("/var/lib/my.app", "var-lib-my.app"),
        ("/srv/ä", "srv-\\xc3\\xa4"),
    ],
)
def test_paths_as_systemd_escapes_them(path, stem):
    assert names.escape_path(path) == stem


def test_unescape():
    assert names.unescape("srv-a\\x2db") == "srv/a-b"
    assert names.unescape("\\xc3\\xa4") == "ä"
