"""How each real client is made to fetch a list of URLs, each with an environment of its own.

A client is a function of ``[{"number", "env", "url": "http://host:port"}, …]`` and a folder.
To the URL it appends ``/<client>/<number>/``, by which the server knows the question.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
BARE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}


def _each(name, asked, command, workers=2):
    """One process for each question; ``command(number, url)`` is its argv."""

    def run(one):
        number = one["number"]
        url = f"{one['url']}/{name}/{number}/"
        env = {**BARE, **one["env"]}
        subprocess.run(
            command(number, url), env=env, timeout=90, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    with ThreadPoolExecutor(max_workers=workers) as pool:
        list(pool.map(run, asked))


def _batch(name, asked, folder, argv):
    """All questions in one process, which reads them as JSON and sets its own environment."""
    file = folder / f"{name}.json"
    questions = [
        {"env": one["env"], "url": f"{one['url']}/{name}/{one['number']}/"} for one in asked
    ]
    file.write_text(json.dumps(questions))
    done = subprocess.run(
        [*argv, str(file)], env=BARE, timeout=600, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")


def curl(asked, folder):
    _each("curl", asked, lambda n, url: ["curl", "-q", "-s", "-m", "30", url])


def wget(asked, folder):
    _each("wget", asked, lambda n, url: ["wget", "-q", "-t1", "-T30", "-O/dev/null", url])


def apt(asked, folder):
    def command(number, url):
        target = str(folder / f"apt-{number}")
        options = ["-oAPT::Sandbox::User=root", "-oAcquire::Retries=0", f"-oDir::Etc={folder}"]
        return ["/usr/lib/apt/apt-helper", *options, "download-file", url + "file", target]

    _each("apt", asked, command)


def git(asked, folder):
    _each("git", asked, lambda n, url: ["git", "ls-remote", url + "repository"])


def go(asked, folder):
    once = ["--retries=1", "--low-level-retries=1", "--contimeout=20s", "--config=/dev/null"]
    _each("go", asked, lambda n, url: ["rclone", "cat", *once, f"--http-url={url}", ":http:file"])


def requests(asked, folder):
    _batch("requests", asked, folder, [sys.executable, str(HERE / "in_python.py"), "requests"])


def urllib(asked, folder):
    _batch("urllib", asked, folder, [sys.executable, str(HERE / "in_python.py"), "urllib"])


def pip(asked, folder):
    _batch("pip", asked, folder, [sys.executable, str(HERE / "in_python.py"), "pip"])


def npm(asked, folder):
    modules = subprocess.run(
        ["npm", "root", "-g"], capture_output=True, text=True, check=True, env=BARE
    ).stdout.strip()
    _batch("npm", asked, folder, ["node", str(HERE / "in_node.js"), f"{modules}/npm/node_modules"])


def own(asked, folder):
    """Programs with files of their own: ``argv`` holds ``URL`` where the URL goes."""

    def run(one):
        url = f"{one['url']}/own/{one['number']}/"
        argv = [word.replace("URL", url) for word in one["argv"]]
        subprocess.run(
            argv, env={"PATH": BARE["PATH"], **one["env"]}, timeout=90, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(run, asked))


CLIENTS = {
    "own": own,
    "curl": curl,
    "wget": wget,
    "apt": apt,
    "git": git,
    "go": go,
    "requests": requests,
    "urllib": urllib,
    "pip": pip,
    "npm": npm,
}
