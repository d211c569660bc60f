"""Processes below a process, as /proc tells."""

import pathlib


def descendants(process):
    """(id, program) of everything below a process."""
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        name = text[text.index("(") + 1 : text.rindex(")")]
        parent = int(text[text.rindex(")") + 2 :].split()[1])
        parents.setdefault(parent, []).append((int(stat.parent.name), name))
    found, look = [], [process]
    while look:
        for child in parents.get(look.pop(), []):
            found.append(child)
            look.append(child[0])
    return found
