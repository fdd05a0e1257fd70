"""Credentials in a text, and the same text without them.

Facts, differences and messages hold lines of files that others own. What stands there as a
credential is masked wherever such a line leaves the guest; an edit compares the masked lines.
"""

import re

HIDDEN = "***"

# The part of a URL before its host, RFC 3986, 3.2.1; the last @ counts, as it does for the
# clients. Masked is more: a password may hold a slash that should have been escaped.
_USERINFO = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*://)([^/\s\"'<>?#]*)@")
_WIDE = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*://)([^\s\"'<>]*)@")
# ``user:password@host`` without a scheme, as the value of a setting that names a proxy.
_BARE = re.compile(
    r"((?:proxy|_pro?xy)\w*[\"']?\s*[=:\s]\s*[\"']?)(?!\w+://)([^\s:/@\"'=]+:[^\s/\"']*)@",
    re.IGNORECASE,
)
# ``password = …`` and its kin, up to the end of what was quoted or of the word.
_KEYED = re.compile(
    r"""((?:\b|_|-)(?:
        password | passwd(?!:\s) | passphrase | secret | _?auth[_-]?token | token | _auth
        | api_?key | proxy[_-]?(?:user(?:pwd)?|pass|auth)\b
        )["']?\s*[=:\s]\s*)
        (?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"';,{}\[\]]+)""",
    re.IGNORECASE | re.VERBOSE,
)
# In ``key = value`` files a value may hold blanks: all of the line is it.
_INI = re.compile(
    r"(?m)^(\s*[\w.-]*(?:password|passwd|passphrase)\s*=\s*)(?![\"'])\S.*$", re.IGNORECASE
)
_HEADER = re.compile(r"(\b(?:Basic|Bearer|Negotiate)\s+)[A-Za-z0-9+/=._~-]{4,}")
# ``-U user:password`` and ``--proxy-user=…`` of curl(1), ``auth`` of Docker's config.json.
_OPTION = re.compile(r"((?:^|\s)(?:-U|--proxy-user|-u|--user)[\s=]+)(\"[^\"]*\"|'[^']*'|\S+)")
_DOCKER = re.compile(r'("(?:auth|identitytoken|registrytoken)"\s*:\s*)"(?:[^"\\]|\\.)*"')


def redacted(text):
    """The text with each credential in it shown as ``***``; pure, and the same when repeated."""
    if not _WORTH.search(text):
        return text
    text = _WIDE.sub(rf"\1{HIDDEN}@", text)
    text = _BARE.sub(rf"\1{HIDDEN}@", text)
    text = _INI.sub(rf"\1{HIDDEN}", text)
    text = _KEYED.sub(rf"\1{HIDDEN}", text)
    text = _OPTION.sub(rf"\1{HIDDEN}", text)
    text = _DOCKER.sub(rf'\1"{HIDDEN}"', text)
    return _HEADER.sub(rf"\1{HIDDEN}", text)


# Most lines hold none of these: one search instead of six.
_WORTH = re.compile(
    r"@|passw|passphrase|secret|token|auth|api_?key|proxy[_-]?user|Basic|Bearer|Negotiate|-U|-u|--user",
    re.IGNORECASE,
)


def userinfo(url):
    """``(user, password)`` of a URL, still encoded; ``None`` for what is missing.

    A user without a password is a credential as well for proxies that ask for a token.
    """
    found = _USERINFO.search(url)
    if not found:
        found = _WIDE.search(url)
        # ``http://host:3128/@x`` has none: what stands before the slash is a host and its port
        if not found or re.fullmatch(r"[^:]*(:\d*)?", found.group(2).partition("/")[0]):
            return None, None
    user, colon, password = found.group(2).partition(":")
    return user or None, password if colon else None


def without_userinfo(url):
    """A URL without the part before its host."""
    return _USERINFO.sub(r"\1", url, count=1)
