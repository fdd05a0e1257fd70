"""Agents besides rsyslog that send logs away, recognised by their own configuration.

Each reader returns ``[{"host", "port", "tls", "at"}, …]``; ``at`` is the evidence and never
holds more of a line than the destination, for URLs may hold a password.
"""

import re
from urllib.parse import urlsplit

from inguestlib.families.services import sdconf
from inguestlib.systemd import unitfile

_TRUE = ("yes", "on", "true", "1")


def split_host(text, port=None):
    """``(host, port or None)`` of ``host``, ``host:port``, ``[v6]:port``, ``v6`` or a URL."""
    if "://" in text:
        url = urlsplit(text)
        try:
            return url.hostname or "", str(url.port or "") or port
        except ValueError:
            return url.hostname or "", port
    text = text.rpartition("@")[2]  # never a user and a password
    if match := re.fullmatch(r"\[([^\]]+)\](?::(\d+))?", text):
        return match[1], match[2] or port
    if text.count(":") == 1:
        host, _, number = text.partition(":")
        return host, number or port
    return text, port


def _target(text, tls, at, port=None):
    host, number = split_host(str(text), port)
    shown = f"{at}: {host}" + (f":{number}" if number else "")
    return {"host": host, "port": number, "tls": bool(tls), "at": shown}


def journal_upload(guest):
    """systemd-journal-upload: ``URL=``; its ``http`` has no TLS."""
    last = sdconf.last(guest, "journal-upload.conf", "Upload", "URL")
    if last is None:
        return []
    # Without a scheme it takes https.
    tls = not last.value.startswith("http://")
    return [_target(last.value, tls, f"{last.path}:{last.line} URL", "19532")]


def fluent_bit(guest):
    """fluent-bit's classic format: ``[OUTPUT]`` sections with ``Host`` and ``tls``."""
    found = []
    for path in guest.glob("/etc/fluent-bit/*.conf"):
        section, number = None, 0
        for number, text in [*guest.lines(path), (0, "[END]")]:
            line = text.strip()
            if line.startswith("["):
                if section and "host" in section:
                    tls = section.get("tls", "off").lower() in _TRUE
                    at = f"{path}:{section['']} OUTPUT {section.get('name', '')}"
                    found.append(_target(section["host"], tls, at, section.get("port")))
                section = {"": str(number)} if line.upper() == "[OUTPUT]" else None
            elif section is not None and line and not line.startswith("#"):
                words = line.split(None, 1)
                if len(words) == 2:
                    section[words[0].lower()] = words[1].strip()
    return found


def filebeat(guest):
    """Filebeat: the hosts of ``output.*`` in filebeat.yml."""
    path = "/etc/filebeat/filebeat.yml"
    outputs = {}
    for key, value in _yaml(guest, path).items():
        if key == "output" and isinstance(value, dict):
            outputs.update({f"output.{k}": v for k, v in value.items()})
        elif str(key).startswith("output."):
            outputs[key] = value
    found = []
    for name, output in outputs.items():
        output = output if isinstance(output, dict) else {}
        hosts = output.get("hosts") or []
        ssl = output.get("ssl") if isinstance(output.get("ssl"), dict) else {}
        given = any(str(k).startswith("ssl.") for k in output) or bool(ssl)
        enabled = output.get("ssl.enabled", ssl.get("enabled", given))
        for host in [hosts] if isinstance(hosts, str) else hosts:
            tls = str(host).startswith("https://") or bool(enabled)
            found.append(_target(host, tls, f"{path} {name}.hosts"))
    return found


def vector(guest):
    """Vector: ``address``, ``endpoint`` and ``endpoints`` of the sinks, in YAML or TOML."""
    found = []
    for path in [*guest.glob("/etc/vector/*.yaml"), *guest.glob("/etc/vector/*.yml")]:
        sinks = _yaml(guest, path).get("sinks")
        for name, sink in (sinks if isinstance(sinks, dict) else {}).items():
            if isinstance(sink, dict):
                found += _sink(sink, f"{path} sinks.{name}")
    for path in guest.glob("/etc/vector/*.toml"):
        sinks = _toml_sinks(guest.lines(path))
        for name, sink in sinks.items():
            found += _sink(sink, f"{path} sinks.{name}")
    return found


def _sink(sink, at):
    targets = sink.get("endpoints") or sink.get("endpoint") or sink.get("address") or []
    tls = sink.get("tls") if isinstance(sink.get("tls"), dict) else {}
    for target in [targets] if isinstance(targets, str) else targets:
        secure = str(target).startswith("https://") or bool(tls.get("enabled", "ca_file" in tls))
        yield _target(target, secure, at)


def _toml_sinks(lines):
    """The few keys of the sinks that matter, for Python 3.10 has no TOML reader."""
    sinks, here = {}, None
    for _number, text in lines:
        line = text.strip()
        if match := re.match(r"\[sinks\.([\w-]+)(\.tls)?\]", line):
            sink = sinks.setdefault(match[1], {})
            here = sink.setdefault("tls", {}) if match[2] else sink
        elif line.startswith("["):
            here = None
        elif here is not None and "=" in line:
            key, _, value = (part.strip() for part in line.partition("="))
            strings = re.findall(r"\"([^\"]*)\"", value)
            here[key.strip('"')] = strings if strings else value.startswith("true")
    return sinks


def liagentd(guest):
    """The Log Insight agent: ``[server]`` in liagent.ini; its ``ssl`` is on by default."""
    path = next(
        (
            p
            for p in ("/var/lib/loginsight-agent/liagent.ini", "/etc/liagent.ini")
            if guest.exists(p)
        ),
        None,
    )
    if path is None:
        return []
    values = {}
    for a in unitfile.parse(guest.read(path), path):
        if a.section.split("|")[0] == "server":
            values[a.key.lower()] = (a.value, a.line)
    if "hostname" not in values:
        return []
    host, line = values["hostname"]
    tls = values.get("ssl", ("yes", 0))[0].lower() in _TRUE
    return [_target(host, tls, f"{path}:{line} hostname", values.get("port", (None, 0))[0])]


def _yaml(guest, path):
    text = guest.read(path)
    if text is None:
        return {}
    import yaml  # Salt brings it; only a guest with such an agent needs it

    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return data if isinstance(data, dict) else {}


# name: its unit and its reader.
AGENTS = {
    "systemd-journal-upload": ("systemd-journal-upload.service", journal_upload),
    "fluent-bit": ("fluent-bit.service", fluent_bit),
    "filebeat": ("filebeat.service", filebeat),
    "vector": ("vector.service", vector),
    "liagentd": ("liagentd.service", liagentd),
}
