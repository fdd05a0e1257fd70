"""Where rsyslog sends its messages: a reader of both of its languages, rsyslog.conf(5)."""

import re

MAIN = "/etc/rsyslog.conf"
_DEPTH = 10
_OBJECT = re.compile(r"\b(global|module|action|include)\s*\(", re.IGNORECASE)
_PARAMETER = re.compile(r"([\w.]+)\s*=\s*\"((?:[^\"\\]|\\.)*)\"")
_REMOTE = re.compile(r"(@@?)(?:\([^)]*\))?(\[[^\]]+\]|[^:;\s]+)(?::(\d+))?")
_RELP = re.compile(r":omrelp:(\[[^\]]+\]|[^:;\s]+)(?::(\d+))?")


class Reader:
    """Reads the main file and what it includes, in order.

    ``actions`` are the remote ones: ``host``, ``port`` (text or ``None``), ``protocol``
    (udp, tcp, relp), ``tls``, ``verified`` (the server proves its name), ``queue`` (kept on
    disk), ``selector``, ``path``, ``line``, ``last`` (its last line), ``texts`` (its lines, when
    it has them to itself). ``settings`` are the global ones, ``{lower case name: (value, path)}``;
    ``included`` are the files, ``patterns`` what the includes ask for, ``modules`` their names.
    """

    def __init__(self, guest, main=MAIN):
        self.guest = guest
        self.actions, self.settings, self.included = [], {}, []
        self.patterns, self.modules = [], set()
        self._legacy = {}
        self._selector = ""
        self._blocks = 0  # how many braces are open: what stands inside is conditional
        self._read(main, 0)
        for action in self.actions:
            self._finish(action)

    def _read(self, path, depth):
        if depth > _DEPTH or path in self.included:
            return
        self.included.append(path)
        for first, text, raw in _statements(self.guest.lines(path)):
            at = {"path": path, "line": first, "last": first + len(raw) - 1, "texts": raw}
            self._statement(text, at, depth)
            self._blocks = max(self._blocks + _balance(text, "{", "}"), 0)

    def _statement(self, text, at, depth):
        if text.startswith("$"):
            self._directive(text, at["path"], depth)
            return
        objects = list(_OBJECT.finditer(text))
        if not objects:
            self._selector_line(text, at)
            return
        for i, match in enumerate(objects):
            end = objects[i + 1].start() if i + 1 < len(objects) else len(text)
            given = _PARAMETER.findall(text[match.end() : end])
            values = {k.lower(): v for k, v in given}
            kind = match[1].lower()
            if kind == "include" and "file" in values:
                self._include(values["file"], depth)
            elif kind == "module":
                self.modules.add(values.get("load", "").removesuffix(".so"))
            elif kind == "global":
                self.settings.update({k: (v, at["path"]) for k, v in values.items()})
            elif kind == "action":
                before = text[: match.start()].strip()
                if i == 0 and before and before != "&":
                    self._selector = before
                alone = len(objects) == 1 and text.endswith(")") and not self._blocks
                selector = "{…}" if self._blocks or "{" in before else before
                self._action(values, selector, at if alone else {**at, "texts": None})

    def _include(self, pattern, depth):
        self.patterns.append(pattern)
        if not pattern.startswith("/"):
            return  # taken from where the daemon was started: nothing that can be known
        for path in self.guest.glob(pattern) if "*" in pattern else [pattern]:
            if self.guest.is_dir(path):
                continue
            self._read(path, depth + 1)

    def _directive(self, text, path, depth):
        name, _, value = text[1:].partition(" ")
        name, value = name.lower(), value.strip().strip('"')
        if name == "includeconfig":
            self._include(value + "*" if value.endswith("/") else value, depth)
        elif name == "modload":
            self.modules.add(value.removesuffix(".so"))
        elif name.startswith("action"):
            self._legacy[name] = value
        else:
            self.settings[name] = (value, path)

    def _action(self, values, selector, at):
        kind = values.get("type", "").lower()
        if kind not in ("omfwd", "omrelp") or "target" not in values:
            return
        relp = kind == "omrelp"
        mode = values.get("streamdrivermode", values.get("streamdriver.mode"))
        self._add(
            values["target"],
            values.get("port"),
            "relp" if relp else values.get("protocol", "udp").lower(),
            values.get("tls", "off") == "on" if relp else mode == "1",
            values.get("tls.authmode" if relp else "streamdriverauthmode", ""),
            values.get("streamdriver", values.get("streamdriver.name")),
            "queue.filename" in values,
            selector,
            at,
        )

    def _selector_line(self, text, at):
        selector, _, target = text.partition(" ") if " " in text else text.partition("\t")
        selector, target = selector.strip(), target.strip()
        if selector == "&":
            selector = self._selector
        else:
            self._selector = selector
        legacy = self._legacy
        if match := _REMOTE.match(target):
            secure = match[1] == "@@" and legacy.get("actionsendstreamdrivermode") == "1"
            self._add(
                match[2],
                match[3],
                "tcp" if match[1] == "@@" else "udp",
                secure,
                legacy.get("actionsendstreamdriverauthmode", ""),
                legacy.get("actionsendstreamdriver"),
                bool(legacy.get("actionqueuefilename")),
                selector,
                at,
            )
        elif match := _RELP.match(target):
            queue = bool(legacy.get("actionqueuefilename"))
            self._add(match[1], match[2], "relp", False, "", None, queue, selector, at)
        # A queue is made for the next action only; the stream driver stays as it is set.
        if target and not target.startswith("$"):
            self._legacy = {k: v for k, v in legacy.items() if not k.startswith("actionqueue")}

    def _add(self, host, port, protocol, tls, auth, driver, queue, selector, at):
        self.actions.append(
            {
                "host": host.strip("[]"),
                "port": port,
                "protocol": protocol,
                "tls": tls,
                "verified": auth in ("x509/name", "x509/certvalid", "x509/fingerprint", "name"),
                "driver": driver,
                "queue": queue,
                "selector": selector,
                **at,
            }
        )

    def _finish(self, action):
        """TLS is only had with a stream driver that can do it, the action's or the default one."""
        driver = action.pop("driver") or self.settings.get("defaultnetstreamdriver", ("ptcp",))[0]
        if action["protocol"] == "tcp":
            action["tls"] = action["tls"] and driver.lower() in ("gtls", "ossl")
        elif action["protocol"] == "udp":
            action["tls"] = False
        action["verified"] = action["tls"] and action["verified"]


def everything(selector):
    """Whether a selector takes all messages; no selector at all does so too."""
    return selector.replace(" ", "") in ("", "*.*", "*.debug", "if1then", "iftruethen")


def _statements(lines):
    """``[(first line's number, text, [line, …]), …]``: comments gone, continuations joined."""
    out, texts, raws, depth, comment = [], [], [], 0, False
    for number, raw in lines:
        text, comment = _bare(raw, comment)
        if not text.strip() and not raws:
            continue
        texts.append(text.strip())
        raws.append(raw)
        depth += _balance(text, "(", ")")
        if depth > 0 or text.rstrip().endswith("\\"):
            continue
        out.append((number - len(raws) + 1, _joined(texts), raws))
        texts, raws, depth = [], [], 0
    if raws:
        out.append((lines[-1][0] - len(raws) + 1, _joined(texts), raws))
    return out


def _joined(texts):
    return " ".join(text.rstrip("\\ ") for text in texts).strip()


def _bare(text, comment):
    """The line without its comments, and whether a ``/*`` goes on in the next one."""
    out, quoted, i = [], False, 0
    while i < len(text):
        if comment:
            end = text.find("*/", i)
            if end < 0:
                return "".join(out), True
            comment, i = False, end + 2
            continue
        c = text[i]
        if c == '"' and (i == 0 or text[i - 1] != "\\"):
            quoted = not quoted
        elif not quoted and text.startswith("/*", i) and (i == 0 or text[i - 1].isspace()):
            # Within a word it is a pattern, as in /etc/rsyslog.d/*.conf.
            comment = True
            i += 2
            continue
        elif not quoted and c == "#":
            break
        out.append(c)
        i += 1
    return "".join(out), comment


def _balance(text, opening, closing):
    """How many more are opened than closed, outside of quotes."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    return bare.count(opening) - bare.count(closing)
