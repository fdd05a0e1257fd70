import json

import pytest

from inguestlib.effects import rendered
from inguestlib.families.dns import jsonfile


def after(text, keys, value):
    setting = jsonfile.locate(text, "/x.json", keys)
    (change,) = jsonfile.set_value(setting, value).files()
    return rendered(change, text)


@pytest.mark.parametrize(
    ("text", "keys", "value", "wanted"),
    [
        ("{}", ("a",), 1, {"a": 1}),
        ('{"b": 2}', ("a",), [1], {"a": [1], "b": 2}),
        (
            '{\n  "a": [\n    "x",\n    "y"\n  ],\n  "b": {}\n}\n',
            ("a",),
            ["z"],
            {"a": ["z"], "b": {}},
        ),
        ('{"a": {"b": {"c": 1}}}', ("a", "b"), 2, {"a": {"b": 2}}),
        ('{"a": {}}', ("a", "b"), 2, {"a": {"b": 2}}),
        ("{}", ("a", "b", "c"), 2, {"a": {"b": {"c": 2}}}),
        ('{"a": true}', ("a", "b"), 2, {"a": {"b": 2}}),
        ('{"a\\"}": 1, "a": 2}', ("a",), 3, {'a"}': 1, "a": 3}),
        ('\n\n{\n"x": "}{",\n"a" : 1 }\n', ("a",), 3, {"x": "}{", "a": 3}),
    ],
)
def test_a_value_is_set_where_it_stands(text, keys, value, wanted):
    assert json.loads(after(text, keys, value)) == wanted


def test_other_lines_stay_as_they_are():
    text = '{\n  "log-driver": "journald",\n  "dns": ["8.8.8.8"]\n}\n'
    assert after(text, ("dns",), ["10.0.0.53"]) == text.replace("8.8.8.8", "10.0.0.53")


def test_a_line_with_a_credential_is_never_kept():
    text = '{"proxies": {"http-proxy": "http://u:p@proxy"}, "dns": ["8.8.8.8"]}'
    setting = jsonfile.locate(text, "/x.json", ("dns",))
    assert not setting["shown"] and not jsonfile.set_value(setting, [])
    assert "u:p" not in json.dumps(setting)


def test_a_credential_on_another_line_does_not_matter():
    text = '{\n"proxies": {"http-proxy": "http://u:p@proxy"},\n"dns": ["8.8.8.8"]\n}'
    setting = jsonfile.locate(text, "/x.json", ("dns",))
    assert setting["value"] == ["8.8.8.8"] and "u:p" not in json.dumps(setting)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"secret": "x" "y"}'])
def test_what_is_no_object_is_an_error_that_quotes_nothing(text):
    with pytest.raises(jsonfile.JsonError) as caught:
        jsonfile.locate(text, "/x.json", ("a",))
    assert "secret" not in str(caught.value)
