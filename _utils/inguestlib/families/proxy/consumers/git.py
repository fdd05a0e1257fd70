"""git: ``http.proxy``, for single URLs too. libcurl does the rest, and reads ``no_proxy``."""

from inguestlib.families.proxy import keyvalue, people
from inguestlib.families.proxy.consumers.section import installed, scope, section, text, version
from inguestlib.families.proxy.setting import setting, split_userinfo

NAME = "git"
PROGRAMS = ("/usr/bin/git", "/usr/local/bin/git")
SYSTEM = ("/etc/gitconfig",)
OWN = (".config/git/config", ".gitconfig")  # the later one wins
MAX_INCLUDES = 10


def observe(guest, params=None):
    """Scopes: ``system``, and ``user NAME`` for each person who has settings of his own.

    ``hosts`` holds ``http.<url>.proxy``.
    """
    if not installed(guest, PROGRAMS):
        return section(False)
    settings, unseen = [], []
    base = _Config(guest, settings, unseen, "")
    for path in SYSTEM:
        base.read(path)
    scopes = [base.scope("system")]
    for user, home in people.homes(guest):
        mine = _Config(guest, settings, unseen, f"user {user}", base, home)
        for name in OWN:
            mine.read(f"{home}/{name}")
        if mine.found != base.found:
            scopes.append(mine.scope(f"user {user}"))
    return section(True, settings, scopes, unseen, version(guest, "git", "git-core"))


class _Config:
    """What a chain of configuration files sets: ``{"": setting, "<url>": setting}``."""

    def __init__(self, guest, settings, unseen, owner, base=None, home="/root"):
        self.guest, self.settings, self.unseen, self.owner = guest, settings, unseen, owner
        self.found = dict(base.found) if base else {}
        self.home = home
        self._included = 0

    def read(self, path):
        for one in keyvalue.gitconfig(text(self.guest, path, self.unseen) or ""):
            if one.section == "include" and one.key == "path":
                self._include(path, one.value)
            elif one.section.partition(".")[0] == "http" and one.key == "proxy":
                url, _login = split_userinfo(one.section.partition(".")[2])
                name = f"http.{url}.proxy" if url else "http.proxy"
                self.found[url] = setting(
                    self.guest, name, "proxy", one.value, path, one.line,
                    schemes=("http", "https"), scope=self.owner,
                )  # fmt: skip
                self.settings.append(self.found[url])

    def _include(self, path, value):
        self._included += 1
        if self._included > MAX_INCLUDES or not value:
            return
        if value.startswith("~/"):
            value = f"{self.home}/{value[2:]}"
        elif not value.startswith("/"):
            value = f"{path.rpartition('/')[0]}/{value}"
        self.read(value)

    def scope(self, name):
        own = self.found.get("")
        hosts = [
            {"url": url, "proxies": {"http": one, "https": one}}
            for url, one in sorted(self.found.items())
            if url
        ]
        return scope(name, {"http": own, "https": own}, hosts=hosts)
