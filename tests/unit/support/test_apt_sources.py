"""The machine's Debian sources, whoever else's stand beside them."""

from support import apt_sources

DEB822 = """\
Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://vendor.example/debian
Suites: bookworm
Components: stable
Signed-By: /etc/apt/keyrings/vendor.gpg

Types: deb-src
URIs: http://mirror.example/debian
Suites: bookworm
Components: main
"""
KEYRING = "signed-by=/usr/share/keyrings/debian-archive-keyring.gpg"
ONE_LINE = f"""\
deb [arch=amd64 {KEYRING}] http://m.example/debian bookworm main
# deb http://m.example/debian sid main
deb http://security.example/debian-security bullseye/updates main
deb http://ubuntu.example/ubuntu noble main
deb-src http://m.example/debian bookworm main
"""


def apt(tmp_path, **files):
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        (tmp_path / "sources.list.d" / name.replace("_", ".")).write_text(text)
    return tmp_path


def test_stanzas_of_debian_alone_are_taken_with_the_suite_replaced(tmp_path):
    key = f"[{KEYRING}]"
    assert apt_sources.for_suite("trixie", apt(tmp_path, debian_sources=DEB822)) == [
        f"deb {key} http://mirror.example/debian trixie main",
        f"deb {key} http://mirror.example/debian trixie-updates main",
        f"deb {key} http://mirror.example/debian-security trixie-security main",
    ]


def test_one_line_entries(tmp_path):
    assert apt_sources.for_suite("trixie", apt(tmp_path, some_list=ONE_LINE)) == [
        f"deb [{KEYRING}] http://m.example/debian trixie main",
        "deb http://security.example/debian-security trixie-security main",
    ]


def test_a_machine_of_another_distribution_gives_none(tmp_path):
    text = "Types: deb\nURIs: http://ubuntu.example/ubuntu\nSuites: noble\nComponents: main\n"
    assert apt_sources.for_suite("trixie", apt(tmp_path, ubuntu_sources=text)) == []
