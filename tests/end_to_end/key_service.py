"""KeyService: a key service of a test's own, as the program of `encryption.command`. It turns bits round,
and fails while it is down."""

PROGRAM = """#!/usr/bin/env python3
import base64, os, sys
here = os.path.dirname(os.path.abspath(__file__))
with open(here + "/calls", "a") as calls:
    calls.write(sys.argv[1] + "\\n")
if os.path.exists(here + "/down"):
    sys.exit("the key service is down")
given = base64.b64decode(sys.stdin.read())
print(base64.b64encode(bytes(byte ^ 0x5A for byte in given)).decode())
"""


class KeyService:
    def __init__(self, folder):
        self.program = folder / "kms"
        self.mark = folder / "down"
        folder.mkdir(parents=True, exist_ok=True)
        self.program.write_text(PROGRAM)
        self.program.chmod(0o755)

    def config(self, **settings):
        """The table of a server's configuration."""
        lines = ["[encryption]", 'mode = "on"', f'command = "{self.program}"']
        lines += [f'{name} = "{value}"' for name, value in settings.items()]
        return "\n".join(lines) + "\n"

    def down(self, is_down):
        if is_down:
            self.mark.touch()
        else:
            self.mark.unlink(missing_ok=True)


def files_with(words, *folders):
    """The files below the folders in which any of the words stands."""
    needles = [word.encode() for word in words]
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                found += [str(path) for needle in needles if needle in content]
    return found
