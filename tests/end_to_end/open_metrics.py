"""A strict reader of OpenMetrics 1.0 text: whatever breaks the rules is an AssertionError."""

import re

SUFFIXES = {
    "counter": {"_total"},
    "gauge": {""},
    "info": {"_info"},
    "histogram": {"_bucket", "_count", "_sum"},
}
DESCRIPTION = re.compile(r"# (TYPE|UNIT|HELP) ([a-z_][a-z0-9_]*) (\S.*)")
SAMPLE = re.compile(r"([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-z_][a-z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,(?=[a-z_])|$)')


def read_labels(text):
    labels, at = [], 0
    while at < len(text):
        match = LABEL.match(text, at)
        assert match, f"labels: {text}"
        labels.append((match[1], match[2]))
        at = match.end()
    assert len({name for name, _ in labels}) == len(labels), f"a label twice: {text}"
    return tuple(sorted(labels))


def read(text):
    """{(name of the sample, sorted labels): value}"""
    assert text.endswith("\n# EOF\n"), "the last line is # EOF"
    samples, described, family, began = {}, {}, None, False
    for line in text.split("\n")[:-2]:
        if line.startswith("#"):
            match = DESCRIPTION.fullmatch(line)
            assert match, f"no description: {line}"
            word, name, rest = match.groups()
            if name != family:
                assert name not in described, f"a family in two places: {line}"
                family, began = name, False
            words = described.setdefault(name, {})
            assert not began and word not in words, f"described twice: {line}"
            words[word] = rest
            assert word != "UNIT" or name.endswith("_" + rest), line
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"no sample: {line}"
        name, labels, value = match[1], read_labels(match[2] or ""), float(match[3])
        assert family and name.startswith(family), f"of no family: {line}"
        began = True
        words = described[family]
        assert "HELP" in words and words.get("TYPE") in SUFFIXES, f"not described: {line}"
        assert name[len(family) :] in SUFFIXES[words["TYPE"]], f"suffix: {line}"
        assert words["TYPE"] != "counter" or value >= 0, line
        assert (name, labels) not in samples, f"twice: {line}"
        samples[(name, labels)] = value
    return samples


def total(samples, name, **labels):
    """The sum of the samples of that name that have these labels."""
    wanted = {(label, str(text)) for label, text in labels.items()}
    return sum(
        value for (key, has), value in samples.items() if key == name and wanted <= set(has)
    )
