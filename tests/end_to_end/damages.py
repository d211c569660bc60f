"""What rots, tears and is mixed up on a disk: damages to one file, at its head, middle or tail.

`damage()` does the next one by turns: every kind of file there is in a node's folder meets every kind of
damage. What is used for nothing is left alone: locks, and what RocksDB tells of itself in LOG.
"""

import os
import re
import shutil

KINDS = [
    ("segment", r"log/segment-\d+-\d+"),
    ("segments", r"log/manifest"),
    ("table", r"rows/set-\d+/\d+\.sst"),
    ("rows-manifest", r"rows/set-\d+/MANIFEST-\d+"),
    ("rows-current", r"rows/set-\d+/CURRENT"),
    ("rows-options", r"rows/set-\d+/OPTIONS-\d+"),
    ("rows-identity", r"rows/set-\d+/IDENTITY"),
    ("rows-log", r"rows/set-\d+/\d+\.log"),
    ("identity", r"cluster"),
    ("secrets-key", r"secrets\.key(\.new)?"),
    ("promises", r"promises"),
    ("snapshot-manifest", r"incoming/set-\d+/(manifest|installing).*"),
    ("snapshot-rows", r"incoming/set-\d+/rows/.*"),
    ("replaced-rows", r"incoming/set-\d+/old-rows/.*"),
    ("snapshot-bodies", r"incoming/set-\d+/bodies-\d+.*"),
    ("snapshot-made", r"snapshots/set-\d+-\d+/.*"),
]
# How often its turn comes: bodies and rows have the most ways to be wrong.
WEIGHTS = {"segment": 4, "table": 2}
IGNORED = r"lock|root\.key|rows/set-\d+/(LOG.*|LOCK)"


def flip(data, at, chance):
    data[at % len(data)] ^= 1 << chance.randrange(8)


def flip_many(data, at, chance):
    for _ in range(16):
        flip(data, at + chance.randrange(256), chance)


def overwrite(data, at, chance):
    data[at : at + 64] = chance.randbytes(len(data[at : at + 64]))


def zero_byte(data, at, chance):
    data[at % len(data)] = 0


def zero_sector(data, at, chance):
    zero(data, at, 512)


def zero_block(data, at, chance):
    zero(data, at, 4096)


def zero(data, at, length):
    begin = at // length * length
    data[begin : begin + length] = bytes(len(data[begin : begin + length]))


def ones(data, at, chance):
    data[at : at + 256] = b"\xff" * len(data[at : at + 256])


def truncate(data, at, chance):
    del data[at:]


def misdirect(data, at, chance):
    """A write that went elsewhere: one sector stands where another should."""
    source = chance.randrange(max(1, len(data) // 512)) * 512
    begin = at // 512 * 512
    sector = data[source : source + 512]
    length = min(len(sector), len(data) - begin)
    data[begin : begin + length] = sector[:length]


def swap_sectors(data, at, chance):
    other = chance.randrange(max(1, len(data) // 512)) * 512
    begin = at // 512 * 512
    first, second = bytes(data[begin : begin + 512]), bytes(data[other : other + 512])
    if len(first) == len(second):
        data[begin : begin + 512], data[other : other + 512] = second, first


def empty(data, at, chance):
    del data[:]


def grow(data, at, chance):
    data += chance.randbytes(100)


IN_PLACE = [
    flip, flip_many, overwrite, zero_byte, zero_sector, zero_block, ones, truncate, misdirect,
    swap_sectors, empty, grow,
]  # fmt: skip
WAYS = [way.__name__ for way in IN_PLACE] + ["remove", "swap_files"]


def files_of(folder):
    """{kind: its files} of a node's data folder; what is of no known kind under `unknown`."""
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.relpath(os.path.join(root, name), folder)
            if re.fullmatch(IGNORED, path):
                continue
            kind = next((kind for kind, form in KINDS if re.fullmatch(form, path)), "unknown")
            found.setdefault(kind, []).append(path)
    return {kind: sorted(paths) for kind, paths in found.items()}


class Damages:
    """Whose turn it is; the random ones decide on the file and the byte."""

    def __init__(self, chance):
        self.chance = chance
        self.done = {}  # kind -> how many
        self.turns = {}  # kind -> the ways it has not met in this round

    def damage(self, folder, kinds=None):
        """Does one to a file of the folder, of one of the kinds if they are named; (path, way,
        offset)."""
        files = files_of(folder)
        assert "unknown" not in files, f"files of no known kind: {files['unknown']}"
        kind = min(kinds or files, key=self._turn)
        self.done[kind] = self.done.get(kind, 0) + 1
        if not self.turns.get(kind):
            self.turns[kind] = self.chance.sample(WAYS, len(WAYS))
        way = self.turns[kind].pop()
        path = self.chance.choice(files[kind])
        if way == "swap_files" and len(files[kind]) < 2:
            way = "overwrite"
        return path, way, self._do(folder, path, way, files[kind])

    def _turn(self, kind):
        return self.done.get(kind, 0) / WEIGHTS.get(kind, 1), self.chance.random()

    def _do(self, folder, path, way, siblings):
        file = os.path.join(folder, path)
        if way == "remove":
            os.remove(file)
            return 0
        if way == "swap_files":
            other = self.chance.choice([name for name in siblings if name != path])
            aside = os.path.join(folder, "aside")
            shutil.move(file, aside)
            shutil.move(os.path.join(folder, other), file)
            shutil.move(aside, os.path.join(folder, other))
            return 0
        with open(file, "rb") as source:
            data = bytearray(source.read())
        # A segment is reserved at its full size: what was written is what matters.
        used = len(data.rstrip(b"\0")) or len(data)
        third = self.chance.randrange(3)
        at = min(max(0, used - 1), used * third // 3 + self.chance.randrange(max(1, used // 3)))
        if data or way == "grow":
            next(one for one in IN_PLACE if one.__name__ == way)(data, at, self.chance)
        with open(file, "wb") as target:
            target.write(data)
        return at
