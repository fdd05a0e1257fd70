from inguestlib.changes import Edit, File, ordered
from inguestlib.families.dns.drafts import Draft, evidence


def at(line, text, start, end, path="/etc/x"):
    return {"option": "", "value": "", "path": path, "parts": [[line, text, start, end]]}


def test_a_span_is_replaced_and_the_rest_of_the_line_stays():
    draft = Draft()
    draft.replace(at(3, "a b c # why", 2, 3), "B")
    assert draft.files() == (File("/etc/x", edits=(Edit(3, "a b c # why", "a B c # why"),)),)


def test_a_line_that_becomes_empty_is_removed():
    draft = Draft()
    draft.replace(at(1, "  a", 2, 3))
    assert draft.files()[0].edits == (Edit(1, "  a", None),)


def test_a_setting_over_several_lines_is_replaced_on_its_first():
    draft = Draft()
    where = {"path": "/etc/x", "parts": [[1, "a = [", 0, 5], [2, "  b", 0, 3], [3, "] # c", 0, 1]]}
    draft.replace(where, "a = []")
    assert draft.files()[0].edits == (
        Edit(1, "a = [", "a = []"),
        Edit(2, "  b", None),
        Edit(3, "] # c", " # c"),
    )


def test_two_drafts_never_contradict_each_other_about_a_line():
    first, second = Draft(), Draft()
    first.replace(at(1, "a b", 0, 1), "A")
    second.replace(at(1, "a b", 2, 3), "B")
    both = (*first.files([first, second]), *second.files([first, second]))
    assert ordered(both) == (File("/etc/x", edits=(Edit(1, "a b", "A B"),)),)


def test_inserts_of_two_drafts_at_one_place_stand_in_one_order():
    first, second = Draft(), Draft()
    first.insert_after(at(1, "options {", 8, 9), "\n\tz;")
    second.insert_after(at(1, "options {", 8, 9), "\n\ta;")
    both = (*first.files([second]), *second.files([first]))
    assert ordered(both) == (
        File("/etc/x", edits=(Edit(1, "options {", "options {\n\ta;\n\tz;"),)),
    )


def test_a_block_that_may_stand_once_is_shared():
    first, second = Draft(), Draft()
    first.append_block("/etc/x", "options {", ["\ta;"], "};")
    second.append_block("/etc/x", "options {", ["\tb;"], "};")
    both = (*first.files([second]), *second.files([first]))
    assert ordered(both) == (File("/etc/x", edits=(Edit(0, None, "options {\n\ta;\n\tb;\n};"),)),)


def test_a_new_file_of_ours_is_shared_and_an_existing_one_is_added_to():
    first, second = Draft(), Draft()
    first.own("/etc/d/zz", ["one"], exists=False)
    second.own("/etc/d/zz", ["two"], exists=False)
    (change,) = ordered((*first.files([second]), *second.files([first])))
    assert change.content.splitlines()[1:] == ["one", "two"]
    late = Draft()
    late.own("/etc/d/zz", ["three"], exists=True)
    assert late.files() == (File("/etc/d/zz", edits=(Edit(0, None, "three"),)),)


def test_evidence_names_each_line_once_and_is_not_endless():
    assert evidence([at(2, " a", 1, 2), at(2, " a", 1, 2)]) == "/etc/x:2 a"
    many = evidence([at(n, f"a{n}", 0, 1) for n in range(20)])
    assert many.endswith("and 12 more")
