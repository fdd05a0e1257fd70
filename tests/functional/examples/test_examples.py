"""The reactors of the examples, rendered by Salt's own compiler, also with hostile guests."""

import json
import subprocess
from pathlib import Path

import pytest
import salt.config
import salt.loader
import salt.template
import yaml

from inguestlib.reporting import revision

pytestmark = pytest.mark.functional

EXAMPLES = Path(__file__).parents[3] / "examples"
NASTY = "a\"b'c: {{ 7*7 }} {% raw %}\n.\nBcc: all@corp.example\n#\t\\ ü\u2028"


def _finding(control="dns-servers-approved", **more):
    return {
        "control": control,
        "resource": "/etc/resolv.conf",
        "verdict": "drift",
        "severity": "high",
        "observed": ["8.8.8.8"],
        "expected": [],
        "evidence": "/etc/resolv.conf:1 nameserver 8.8.8.8",
        "comment": "",
        **more,
    }


@pytest.fixture(scope="module")
def render(tmp_path_factory):
    """``render(path, data=…, tag=…)``: an SLS file by Salt's own renderers."""
    opts = salt.config.minion_config(None)
    folder = str(tmp_path_factory.mktemp("minion"))
    opts.update(cachedir=folder, extension_modules=folder, root_dir=folder, file_client="local")
    opts["grains"] = salt.loader.grains(opts)
    renderers = salt.loader.render(opts, salt.loader.minion_mods(opts))

    def rendered(path, **words):
        return salt.template.compile_template(str(path), renderers, "jinja|yaml", [], [], **words)

    return rendered


@pytest.fixture(scope="module")
def react(render):
    """``react("mail", data)``: what the master's reactor would do about this event."""

    def reaction(name, data):
        path = EXAMPLES / f"reactor/{name}.sls"
        return render(path, data=data, tag="salt/beacon/web1/inguest/drift")

    return reaction


def _arguments(call):
    return {key: value for part in call for key, value in part.items()}


@pytest.mark.parametrize("text", ["web1", NASTY])
def test_the_web_hook_gets_the_findings(react, text):
    data = {"id": text, "findings": [_finding(evidence=text)]}
    (call,) = react("webhook", data)["inguest-webhook"].values()
    args = _arguments(_arguments(call)["args"])
    assert args["method"] == "POST"
    sent = json.loads(args["data"])
    assert sent == {"host": text, "event": "drift", "findings": data["findings"]}


@pytest.mark.parametrize("text", ["web1", NASTY])
def test_the_mail_has_no_header_of_the_guest(react, text):
    found = react("mail", {"id": text, "findings": [_finding(evidence=text, resource=text)]})
    call = _arguments(found["inguest-mail"]["local.cmd.run"])
    args = _arguments(call["args"])
    assert args["cmd"] == "/usr/sbin/sendmail -t -i"
    head, _, body = args["stdin"].partition("\n\n")
    assert [line.partition(":")[0] for line in head.split("\n")] == [
        "From",
        "To",
        "Subject",
        "MIME-Version",
        "Content-Type",
    ]
    assert text in body
    assert "dns-servers-approved" in body


def test_only_named_families_are_cured(react):
    data = {"id": "*", "findings": [_finding(), _finding("dns-search-list"), _finding("tools-x")]}
    call = _arguments(react("cure", data)["inguest-cure"]["local.inguest.apply"])
    assert (call["tgt"], call["tgt_type"]) == (["*"], "list")
    assert _arguments(call["args"]) == {"families": ["dns"]}
    assert not react("cure", {"id": "web1", "findings": [_finding("tools-x")]})


def test_the_revision_is_gits(render, tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@corp.example"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    asked = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    text = (EXAMPLES / "revision.sls").read_text().replace("/srv/salt", str(tmp_path))
    (tmp_path / "revision.sls").write_text(text)
    found = render(tmp_path / "revision.sls")["inguest"]["revision"]
    assert found == asked.stdout.strip() == revision.of_checkout(str(tmp_path))


def test_the_configurations_are_yaml_and_name_what_exists():
    conf = yaml.safe_load((EXAMPLES / "reactor/reactor.conf").read_text())
    for part in conf["reactor"]:
        for paths in part.values():
            for path in paths:
                assert (EXAMPLES / "reactor" / Path(path).name).exists()
    job = yaml.safe_load((EXAMPLES / "schedule.sls").read_text())["schedule"]["inguest-report"]
    assert job["function"] == "inguest.report"
    api = yaml.safe_load((EXAMPLES / "salt-api.conf").read_text())
    assert api["netapi_enable_clients"] == ["runner"]
