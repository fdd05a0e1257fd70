"""Another proxy than the approved one, or none, at every owner that an image can show."""

from support.cases import Case, write

PROXY = "http://proxy.corp.example:3128"
OLD = "http://old.example:8080"
POLICY = {
    "url": PROXY,
    "exceptions": ["localhost", ".corp.example", "10.0.0.0/8"],
    "bypass": ["repo.corp.example"],
    "through": ["https://www.example.org"],
}
SYSTEM = {
    "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
    "/etc/hostname": "web1\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "/usr/lib/systemd/systemd": "",
    "/sbin/init": ("->", "/usr/lib/systemd/systemd"),
    "/etc/resolv.conf": "nameserver 10.0.0.53\n",
    "/etc/salt/minion": "master: salt.corp.example\n",
    "/etc/environment": "",
    "/etc/profile": "",
    "/root/.profile": "",
}
DOCKER = {
    "/usr/bin/dockerd": "",
    "/usr/lib/systemd/system/docker.service": "[Service]\nExecStart=/usr/bin/dockerd\n",
    "/etc/docker/daemon.json": f'{{\n  "proxies": {{\n    "http-proxy": "{OLD}"\n  }}\n}}\n',
}
SHELLS, MANAGERS, SERVICES, LISTS = (
    "proxy-system-configured",
    "proxy-package-manager",
    "proxy-service-environments",
    "proxy-no-proxy-scope",
)


def case(name, files, *controls, **params):
    return Case(
        name,
        "proxy",
        lambda root: write(root, {**SYSTEM, **files}),
        {"proxy": {"mode": "enforce", **POLICY, **params}},
        controls,
        controls,
    )


THEIRS = "http://ann:old%20one@old.example:8080"
CREDENTIALS = "proxy-no-credentials"

CASES = [
    case(
        "another proxy, with a login that is forbidden",
        {
            "/etc/environment": (
                f"http_proxy={THEIRS}\nhttp_proxy='{THEIRS}'\nHTTP_PROXY={PROXY}\n# {THEIRS}\n"
            ),
            "/etc/profile.d/p.sh": f"export http_proxy={THEIRS} https_proxy={THEIRS}\n",
            "/usr/bin/apt-get": "",
            "/etc/apt/apt.conf": f'Acquire::http::Proxy "{THEIRS}";\n',
            "/usr/bin/git": "",
            "/etc/gitconfig": f"[http]\n\tproxy = {THEIRS}\n",
            "/usr/bin/wget": "",
            "/etc/wgetrc": f"https_proxy = {PROXY.replace('//', '//ann:x@')}\nproxy_password=x\n",
        },
        SHELLS,
        MANAGERS,
        SERVICES,
        LISTS,
        CREDENTIALS,
        credentials={"forbidden": True},
    ),
    case(
        "shells without a proxy",
        {"/etc/environment": "LANG=C.UTF-8\n"},
        SHELLS,
    ),
    case(
        "shells with another proxy, in several files",
        {
            "/etc/environment": f'http_proxy="{OLD}"\nLANG=C\nftp_proxy={OLD}\nno_proxy=*\n',
            "/usr/lib/environment.d/99-environment.conf": ("->", "../../../etc/environment"),
            "/etc/environment.d/50-old.conf": f"HTTPS_PROXY={OLD}\n",
            "/etc/profile.d/proxy.sh": (
                f"export http_proxy={OLD}\nexport HTTPS_PROXY={OLD}\nall_proxy={OLD}\n"
                "export all_proxy\nexport no_proxy='localhost'\n"
            ),
        },
        SHELLS,
        LISTS,
    ),
    case(
        "a manager that gives its services another proxy",
        {"/etc/systemd/system.conf": f"[Manager]\nDefaultEnvironment=HTTP_PROXY={OLD}\n"},
        SHELLS,
        consumers={"services": {"url": PROXY}},
    ),
    case(
        "apt with another proxy",
        {
            "/usr/bin/apt-get": "",
            "/etc/apt/apt.conf.d/90proxy": f'Acquire::http::Proxy "{OLD}";\n',
            "/etc/apt/apt.conf": f'Acquire::https::Proxy "{OLD}";\nAPT::Get::Purge "1";\n',
        },
        MANAGERS,
    ),
    case(
        "apt with a proxy of one host's own",
        {
            "/usr/bin/apt-get": "",
            "/etc/apt/apt.conf.d/90proxy": f'Acquire::http::Proxy::deb.example "{OLD}";\n',
        },
        MANAGERS,
    ),
    case(
        "dnf without a proxy, and a repository with another one",
        {
            "/etc/os-release": 'ID="rhel"\nVERSION_ID="9.4"\n',
            "/usr/bin/dnf": "",
            "/etc/dnf/dnf.conf": "[main]\ngpgcheck=1\n",
            "/etc/yum.repos.d/a.repo": f"[a]\nbaseurl=http://a.example/\nproxy={OLD}\n",
        },
        MANAGERS,
    ),
    case(
        "zypper with another proxy",
        {
            "/etc/os-release": "ID=sles\nVERSION_ID=15.6\n",
            "/usr/bin/zypper": "",
            "/etc/sysconfig/proxy": f'PROXY_ENABLED="yes"\nHTTP_PROXY="{OLD}"\nNO_PROXY="*"\n',
        },
        MANAGERS,
        LISTS,
    ),
    case("docker with another proxy", DOCKER, SERVICES, LISTS),
    case(
        "a minion with another proxy",
        {"/etc/salt/minion.d/p.conf": "proxy_host: old.example\nproxy_port: 8080\n"},
        SERVICES,
    ),
    case(
        "tdnf with another proxy",
        {
            "/etc/os-release": "ID=photon\nVERSION_ID=5.0\n",
            "/usr/bin/tdnf": "",
            "/etc/tdnf/tdnf.conf": f"[main]\nproxy={OLD}\n",
        },
        MANAGERS,
    ),
    case(
        "proxies where there are to be none",
        {
            "/etc/environment": f"http_proxy={OLD}\nno_proxy=localhost\n",
            "/etc/profile.d/p.sh": f"if true; then\n  export HTTPS_PROXY={OLD}\nfi\n",
            "/usr/bin/apt-get": "",
            "/etc/apt/apt.conf.d/90proxy": f'Acquire::http::Proxy "{OLD}";\n',
            "/etc/salt/minion.d/p.conf": "proxy_host: old.example\nproxy_port: 8080\n",
            "/usr/bin/git": "",
            "/etc/gitconfig": f"[http]\n\tproxy = {OLD}\n",
            "/etc/systemd/system/app.service": (
                f"[Service]\nExecStart=/bin/true\nEnvironment=http_proxy={OLD}\n"
            ),
        },
        SHELLS,
        MANAGERS,
        SERVICES,
        url="none",
        through=[],
    ),
    case(
        "programs with another proxy",
        {
            "/etc/environment": "".join(
                f'{name}="{PROXY}"\n'
                for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
            ),
            "/usr/bin/git": "",
            "/etc/gitconfig": f"[http]\n\tproxy = {OLD}\n[user]\n\tname = x\n",
            "/usr/bin/pip3": "",
            "/etc/pip.conf": f"[global]\nproxy = {OLD}\n",
            "/usr/bin/npm": "",
            "/etc/npmrc": f"proxy={OLD}\nhttps-proxy={OLD}\n",
            "/usr/bin/wget": "",
            "/etc/wgetrc": f"http_proxy = {OLD}\nno_proxy = com\n",
        },
        SERVICES,
        LISTS,
    ),
]
