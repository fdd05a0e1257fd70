"""What the schemas of JUnit XML in use allow, that of Ant's JUnitReport and Jenkins' junit-10.

Only what both allow counts as right: their rules, written down for these tests.
"""

import re

# element: (required attributes, further ones, children in their order: name, least, most)
_MANY = 1 << 30
RULES = {
    "testsuites": ((), (), [("testsuite", 0, _MANY)]),
    "testsuite": (
        ("name", "timestamp", "hostname", "tests", "failures", "errors", "time", "package", "id"),
        ("skipped",),
        [("properties", 1, 1), ("testcase", 0, _MANY), ("system-out", 1, 1), ("system-err", 1, 1)],
    ),
    "properties": ((), (), [("property", 0, _MANY)]),
    "property": (("name", "value"), (), []),
    "testcase": (
        ("name", "classname", "time"),
        (),
        [("skipped", 0, 1), ("error", 0, 1), ("failure", 0, 1)],
    ),
    "skipped": ((), (), []),
    "error": (("type",), ("message",), []),
    "failure": (("type",), ("message",), []),
    "system-out": ((), (), []),
    "system-err": ((), (), []),
}
_TOKEN = re.compile(r"\S+( \S+)*")
_PATTERNS = {
    "timestamp": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"),
    "time": re.compile(r"\d+(\.\d+)?"),
    **{name: re.compile(r"\d+") for name in ("tests", "failures", "errors", "skipped", "id")},
    **dict.fromkeys(("hostname", "package", "classname"), _TOKEN),
}


def mistakes(element):
    """Texts, one for each breach of the rules; ``[]`` for a document that is valid."""
    found = [] if element.tag == "testsuites" else [f"{element.tag} is not the root"]
    _check(element, found)
    ids = [suite.get("id") for suite in element.iter("testsuite")]
    if len(ids) != len(set(ids)):
        found.append("ids of suites are not unique")
    return found


def _check(element, found):
    if element.tag not in RULES:
        found.append(f"no element {element.tag}")
        return
    required, more, children = RULES[element.tag]
    found += [f"{element.tag} lacks {name}" for name in required if name not in element.attrib]
    for name, value in element.attrib.items():
        if name not in required + more:
            found.append(f"{element.tag} has {name}")
        elif element.tag != "property" and name in _PATTERNS:
            if not _PATTERNS[name].fullmatch(value):
                found.append(f"{element.tag} {name}={value!r}")
    order = [name for name, _least, _most in children]
    tags = [child.tag for child in element]
    if tags != sorted(tags, key=lambda tag: order.index(tag) if tag in order else -1):
        found.append(f"children of {element.tag} are not in their order: {tags[:5]}")
    for name, least, most in children:
        if not least <= tags.count(name) <= most:
            found.append(f"{element.tag} has {tags.count(name)} {name}")
    for child in element:
        _check(child, found)
