"""Profile scripts as our reader sees them, beside what bash makes of them."""

import subprocess

import pytest

from inguestlib.families.proxy import variables
from support import need

P = "http://proxy.corp.example:3128"
SCRIPTS = {
    "plain": f"export http_proxy={P}\n",
    "quotes": f"export http_proxy=\"{P}\" no_proxy='a, b'\n",
    "assigned then exported": f"http_proxy={P}\nexport http_proxy\n",
    "on one line": f"http_proxy={P}; export http_proxy\n",
    "not exported": f"http_proxy={P}\n",
    "for one command": f"http_proxy={P} true\n",
    "taken back": f"export http_proxy={P} HTTP_PROXY={P}\nunset http_proxy\n",
    "by another": f"export http_proxy={P}\nexport HTTP_PROXY=$http_proxy\n",
    "in braces": f"export http_proxy={P}\nexport https_proxy=${{http_proxy}}\n",
    "grown": "export no_proxy=a\nexport no_proxy=$no_proxy,b\nno_proxy=\"$no_proxy, c\"\n",
    "of nobody": "export HTTP_PROXY=$http_proxy\n",
    "comment": f"# export http_proxy={P}\nexport https_proxy={P} # why\n",
    "hash in a value": "export no_proxy='a#b'\n",
    "a branch": f"if true; then\n  export http_proxy={P}\nfi\n",
    "one line branch": f"if true; then export http_proxy={P}; fi\n",
    "and": f"true && export http_proxy={P}\n",
    "declare": f"declare -x http_proxy={P}\ndeclare https_proxy={P}\n",
    "typeset": f"typeset -x http_proxy={P}\n",
    "readonly": f"readonly http_proxy={P}\n",
    "many": f"export http_proxy={P} \\\n  https_proxy={P}\n",
    "for all": f"for v in a; do export http_proxy={P}; done\n",
    "empty": "export http_proxy= no_proxy=''\n",
    "braces": f"{{ export http_proxy={P}; }}\n",
    "last one counts": f"export http_proxy=http://other:1\nexport http_proxy={P}\n",
    "others are left alone": f"export PYTHONPATH=/x proxy=a http_proxy={P} MY_http_proxy=b\n",
    "url with a query": "export http_proxy='http://p:1/?a=b&c'\n",
    "export of what was set": f"export http_proxy\nhttp_proxy={P}\n",
}  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_as_bash_does_it(script):
    need.program("bash")
    bash = ["bash", "--noprofile", "--norc", "-c", f"{script}\nenv -0"]
    done = subprocess.run(bash, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True)
    pairs = [one.partition("=") for one in done.stdout.decode().split("\0")]
    real = {name: value for name, _, value in pairs if name in variables.NAMES}
    _where, values = variables.run(variables.shell(script))
    assert values == real


@pytest.mark.parametrize("value", ["$(cat /etc/proxy)", '"$(cat /etc/proxy)"', "`x`", "$SITE"])
def test_what_a_command_prints_is_not_known(value):
    where, _ = variables.run(variables.shell(f"export http_proxy={value}\n"))
    assert [known for _, _, known in where.values()] == [False]


@pytest.mark.parametrize(
    "text,expected",
    [
        (f"http_proxy={P}\n", {"http_proxy": P}),
        (f'export http_proxy="{P}"\n', {"http_proxy": P}),
        (f"  https_proxy='{P}'  \n", {"https_proxy": P}),
        ("no_proxy=a,b # c\n", {"no_proxy": "a,b"}),
        ("# http_proxy=x\n\n", {}),
        ("http_proxy=$x\n", {"http_proxy": "$x"}),
        ("PATH=/bin\n", {}),
    ],
)
def test_environment_file_of_pam(text, expected):
    found = {one.name: one.value for one in variables.environment_file(text)}
    assert found == expected


def test_pam_env_conf():
    text = "http_proxy DEFAULT=http://a:1 OVERRIDE=http://b:1\nno_proxy DEFAULT=${x}\nX DEFAULT=1\n"
    found = variables.pam_env_conf(text)
    assert [(one.name, one.value, one.known) for one in found] == [
        ("http_proxy", "http://b:1", True),
        ("no_proxy", "${x}", False),
    ]
