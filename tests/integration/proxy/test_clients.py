"""What the judge says of each client is what that client does, with a real proxy between.

One run of all clients in a network of their own (``world.py``) answers all questions here.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inguestlib.families.proxy import consumers, dialects, routes, views
from inguestlib.guest import Guest
from support import need

from . import cases, clients

HERE = Path(__file__).resolve().parent
NAMES = [name for name in clients.CLIENTS if name != "own"]
NPM = shutil.which("npm") is not None  # hundreds of packages where there is none: not in the rig
ASKED = [name for name in NAMES if name != "npm" or NPM]
DNF = shutil.which("dnf") is not None  # Debian has one; the rig of the rpm side brings it
OWN = [one for one in cases.OWN if {"npm": NPM, "dnf": DNF}.get(one.client, True)]
# The dialect of a client, and the module of Python or the command that tells its version.
DIALECTS = {"pip": "requests"}


def _versions():
    """The version of each client, as its dialect counts it."""

    def said(*argv):
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    python = "import pip._vendor.requests as p, requests as r; print(p.__version__, r.__version__)"
    pip, requests = said(sys.executable, "-c", python).split()
    rclone = said("rclone", "version").split()
    return {
        "curl": said("curl", "--version").split()[1],
        "git": said("curl", "--version").split()[1],  # libcurl's; the two packages share a source
        "go": next(word for word in rclone if word.startswith("go1.")).removeprefix("go"),
        "requests": requests,
        "pip": pip,
    }


def _tree(folder, one):
    """A tree with the client, its files, and the environment of logins."""
    programs = [p for m in consumers.MODULES for p in getattr(m, "PROGRAMS", ())[:1]]
    environment = "".join(f"{name}={value}\n" for name, value in one.env.items())
    files = {"/etc/environment": environment, "/root/.keep": "", **one.files}
    files.update(dict.fromkeys(programs, ""))
    for path, text in files.items():
        (folder / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (folder / path[1:]).write_text(text)
    return folder


def _command(one, tree):
    """``(argv, more environment)`` that make the client read the tree's files."""
    if one.client == "git":
        return ["git", "ls-remote", "URLx"], {"GIT_CONFIG_SYSTEM": f"{tree}/etc/gitconfig"}
    if one.client == "curl":
        return ["curl", "-s", "-m", "30", "URL"], {}
    if one.client == "wget":
        argv = ["wget", "-q", "-t1", "-T30", "-O/dev/null", "URL"]
        return argv, {"SYSTEM_WGETRC": f"{tree}/etc/wgetrc"}
    if one.client == "apt":
        (tree / "apt.conf").write_text(f'Dir::Etc "{tree}/etc/apt";\nAPT::Sandbox::User "root";\n')
        argv = ["/usr/lib/apt/apt-helper", "download-file", "URLx", f"{tree}/got"]
        return argv, {"APT_CONFIG": f"{tree}/apt.conf"}
    if one.client == "pip":
        argv = [sys.executable, "-m", "pip", "download", "--retries=0", "-q", "--no-deps"]
        argv += ["--disable-pip-version-check", "-d", f"{tree}/got", "--index-url=URL", "nothing"]
        host = ["--trusted-host", "host.corp.example"]
        return [*argv, *host], {"PIP_CONFIG_FILE": f"{tree}/etc/pip.conf"}
    if one.client == "npm":
        argv = ["npm", "ping", "--registry=URL", f"--globalconfig={tree}/etc/npmrc"]
        argv += [f"--userconfig={tree}/root/.npmrc", "--fetch-retries=0", f"--cache={tree}/cache"]
        return argv, {}
    if one.client == "dnf":
        repository = tree / "etc/yum.repos.d/x.repo"
        repository.parent.mkdir(parents=True, exist_ok=True)
        text = repository.read_text() if repository.exists() else "[x]\n"
        repository.write_text(f"{text}name=x\ngpgcheck=0\n")
        argv = ["dnf", "-c", f"{tree}/etc/dnf/dnf.conf", f"--installroot={tree}/got"]
        argv += [f"--setopt=reposdir={repository.parent}", f"--setopt=cachedir={tree}/cache"]
        argv += ["--releasever=9", "--setopt=retries=1", "--setopt=timeout=20"]
        return [*argv, "--setopt=x.baseurl=URL", "makecache"], {}
    return [
        sys.executable,
        str(HERE / "in_python.py"),
        "salt",
        f"{tree}/etc/salt/minion",
        "URL",
    ], {}


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    return [_tree(tmp_path_factory.mktemp("own"), one) for one in OWN]


@pytest.fixture(scope="module")
def answers(tmp_path_factory, trees):
    """``{client: ["direct" or "proxy" for each question]}``, one run for all tests."""
    need.root()
    need.program("unshare", "ip", "tinyproxy", "curl", "wget", "git", "rclone")
    asked = [
        {"env": {**dict.fromkeys(("http_proxy", "https_proxy"), cases.PROXY),
                 "no_proxy": case.exceptions}, "url": case.url}
        for case in cases.CASES
    ]  # fmt: skip
    asked += [{"env": env, "url": "http://host.corp.example"} for env in cases.VARIABLES]
    own = []
    for one, tree in zip(OWN, trees, strict=True):
        argv, env = _command(one, tree)
        own.append(
            {"argv": argv, "env": {"HOME": f"{tree}/root", **one.env, **env}, "url": one.url}
        )
    every, names = {"own": own}, list(cases.NAMES)
    for client in ASKED:
        every[client] = [*asked]
        for env in cases.SECURE:
            names.append(cases.secure_name(client, len(every[client])))
            every[client].append({"env": env, "url": f"https://{names[-1]}"})
    questions = {"names": names, "addresses": cases.ADDRESSES, "clients": every}
    file = tmp_path_factory.mktemp("world") / "questions.json"
    file.write_text(json.dumps(questions))
    world = ["unshare", "--net", "--mount", sys.executable, str(HERE / "world.py"), str(file)]
    done = subprocess.run([*need.DIES_WITH_US, *world], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)["answers"]


@pytest.fixture(scope="module")
def versions(answers):
    return _versions()


def _variables(env):
    return {name: {"name": name, "value": value, "known": True} for name, value in env.items()}


def _judged(client, env, url, version):
    """``direct``, ``proxy``, or ``None`` where the judge says that it can't be told."""
    view = views.View(
        client, "system", "login", DIALECTS.get(client, client), version, variables=_variables(env)
    )
    direct = routes.route(view, dialects.parse(url)).direct
    return {True: "direct", False: "proxy", None: None}[direct]


def test_there_are_cases_enough():
    assert len(cases.CASES) >= 60
    assert len(set(cases.CASES)) == len(cases.CASES)


@pytest.mark.parametrize("client", ASKED)
def test_the_list_of_exceptions(client, answers, versions):
    wrong = []
    for case, real in zip(cases.CASES, answers[client], strict=False):
        env = {"http_proxy": cases.PROXY, "https_proxy": cases.PROXY, "no_proxy": case.exceptions}
        judged = _judged(client, env, case.url, versions.get(client))
        if client == "npm" and "[" in case.url and real == "nothing":
            real = "direct"  # npm's own lookup of names fails for IPv6 in brackets
        if judged != real:
            wrong.append(f"{case.url} with {case.exceptions!r}: judged {judged}, really {real}")
    assert not wrong


@pytest.mark.parametrize("client", ASKED)
def test_the_names_of_variables(client, answers, versions):
    wrong = []
    reals = answers[client][len(cases.CASES) :]
    asked = [(env, "http://host.corp.example") for env in cases.VARIABLES]
    asked += [(env, "https://any.https.example") for env in cases.SECURE]
    for (env, url), real in zip(asked, reals, strict=True):
        judged = _judged(client, env, url, versions.get(client))
        if judged is None:  # two spellings that differ: npm takes the one that stands last
            assert client == "npm" and len({name.lower() for name in env}) < len(env)
        elif judged != real:
            wrong.append(f"{url} with {env}: judged {judged}, really {real}")
    assert not wrong


def test_settings_of_their_own(answers, trees):
    """From files on disk to the verdict: observers, views and routes together."""
    wrong = []
    for one, tree, real in zip(OWN, trees, answers["own"], strict=True):
        guest = Guest(str(tree))
        facts = {name: module.observe(guest, None) for name, module in consumers.CONSUMERS.items()}
        known, _ = views.sections(facts)
        mine = [v for v in views.views(known) if v.consumer == one.client]
        narrow = (v for v in mine if v.scope in ("user root", "repo x"))
        view = next(narrow, mine[0])
        direct = routes.route(view, dialects.parse(one.url)).direct
        judged = {True: "direct", False: "proxy", None: None}[direct]
        if judged != real:
            wrong.append(f"{one}: judged {judged}, really {real}")
    assert not wrong
