"""Reading of INI-like files with line numbers: systemd's and GLib's."""


def parse(text, path, *, comments="#;", continuation=True):
    """``(entries, errors)`` of a file.

    An entry is ``{"section", "key", "value", "line", "lines"}``; ``lines`` holds
    ``[number, text]`` of every line that it spans. An error is ``{"path", "line",
    "message"}``, without the text, which may be a secret; the other lines still count, as
    they do for systemd.

    comments
        What a comment line starts with (systemd ``#;``, GLib ``#``).
    continuation
        Whether a trailing backslash joins lines (systemd.syntax(7)).
    """
    entries, errors, section = [], [], ""
    lines = text.split("\n")
    index = 0
    while index < len(lines):
        start, line = index, lines[index]
        index += 1
        stripped = line.strip()
        if not stripped or stripped[0] in comments:
            continue
        spanned = [[start + 1, line]]
        while continuation and stripped.endswith("\\") and index < len(lines):
            following = lines[index]
            index += 1
            if following.strip()[:1] in tuple(comments):
                continue  # comments inside a continued line are left out
            spanned.append([index, following])
            stripped = stripped[:-1].rstrip() + " " + following.strip()
        if stripped.startswith("["):
            if stripped.endswith("]"):
                section = stripped[1:-1]
            else:
                errors.append(_error(path, start + 1, "section header without ']'"))
                section = ""
            continue
        key, equals, value = stripped.partition("=")
        if not equals:
            errors.append(_error(path, start + 1, "neither a section nor key=value"))
            continue
        if not section:
            errors.append(_error(path, start + 1, "setting outside of a section"))
            continue
        entries.append(
            {
                "section": section,
                "key": key.strip(),
                "value": value.strip(),
                "line": start + 1,
                "lines": spanned,
                "path": path,
            }
        )
    return entries, errors


def _error(path, line, message):
    return {"path": path, "line": line, "message": message}


def truth(text, default):
    """systemd's booleans; ``default`` for anything else."""
    lowered = str(text).strip().lower()
    if lowered in ("1", "yes", "y", "true", "t", "on"):
        return True
    if lowered in ("0", "no", "n", "false", "f", "off"):
        return False
    return default
