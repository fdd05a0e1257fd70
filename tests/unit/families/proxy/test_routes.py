"""Which way a view takes, and which line says so."""

from inguestlib.families.proxy import dialects, routes
from inguestlib.families.proxy.views import View

from .facts import PROXY, one, variables

WEB = dialects.parse("http://web.corp.example")


def view(dialect="curl", **more):
    return View("curl", "system", "login", dialect, None, **more)


def test_no_proxy_at_all():
    way = routes.route(view(), WEB)
    assert way.direct is True and way.why == "no proxy is set"


def test_the_environment_counts_where_there_is_no_own_setting():
    env = variables(http_proxy=PROXY, no_proxy="other.example")
    way = routes.route(view(variables=env), WEB)
    assert way.direct is False
    assert way.evidence == (
        f"/etc/environment:1 http_proxy={PROXY}; /etc/environment:2 no_proxy=other.example"
    )


def test_the_entry_that_decides_is_named():
    env = variables(http_proxy=PROXY, no_proxy="a,.corp.example")
    way = routes.route(view(variables=env), WEB)
    assert way.direct is True and way.why == ".corp.example in no_proxy"


def test_an_own_setting_wins_and_an_empty_one_switches_off():
    env = variables(http_proxy=PROXY)
    own = {"http": one("proxy", ""), "https": None}
    assert routes.route(view(variables=env, own=own), WEB).direct is True
    assert routes.route(view(own={"http": one("proxy", PROXY)}), WEB).direct is False


def test_an_own_list_replaces_or_adds():
    env = variables(http_proxy=PROXY, no_proxy="web.corp.example")
    own = one("noproxy", "other.example")
    assert routes.route(view(variables=env, exceptions=own), WEB).direct is False
    assert routes.route(view("wget", variables=env, exceptions=own, adds=True), WEB).direct is True


def test_a_setting_for_one_host():
    hosts = ({"host": "web.corp.example", "proxies": {"http": one("x", "")}},)
    own = {"http": one("proxy", PROXY)}
    assert routes.route(view("apt", own=own, hosts=hosts), WEB).direct is True
    other = dialects.parse("http://other.example")
    assert routes.route(view("apt", own=own, hosts=hosts), other).direct is False


def test_a_setting_for_a_url_of_git():
    own = {"http": one("proxy", PROXY), "https": one("proxy", PROXY)}
    hosts = ({"url": "http://*.corp.example/", "proxies": {"http": one("x", "")}},)
    assert routes.route(view("git", own=own, hosts=hosts), WEB).direct is True
    secure = dialects.parse("https://web.corp.example")
    assert routes.route(view("git", own=own, hosts=hosts), secure).direct is False


def test_what_can_not_be_told():
    made = {"http_proxy": one("http_proxy", "$(x)", known=False)}
    assert routes.route(view(variables=made), WEB).direct is None
    found = routes.route(view("apt", discovery=(one("detect", "/x"),)), WEB)
    assert found.direct is None and "finds the proxy" in found.why
    assert routes.route(view(""), WEB).direct is None
    both = variables(http_proxy=PROXY, no_proxy="a", NO_PROXY="b")
    assert routes.route(view("npm", variables=both), WEB).direct is None


def test_go_never_leaves_with_what_is_local():
    env = variables(HTTP_PROXY=PROXY)
    here = dialects.parse("http://127.0.0.1:9000")
    assert routes.route(view("go", variables=env), here).direct is True
    assert routes.route(view("curl", variables=variables(http_proxy=PROXY)), here).direct is False
