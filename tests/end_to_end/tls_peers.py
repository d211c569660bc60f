"""Certificates that are each wrong in their own way, and contexts of TLS servers that show them."""

import pathlib
import ssl
import subprocess

DAY = "-days 1"
EXPIRED = "-days -1"


def openssl(folder, words, text=None):
    done = subprocess.run(["openssl", *words.split()], cwd=folder, input=text, capture_output=True,
                          text=True)
    if done.returncode != 0:
        raise AssertionError(f"openssl {words}: {done.stderr}")


def authority(folder, name):
    openssl(folder, f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key"
            f" -out {name}.pem {DAY} -subj /CN={name}")


def server(folder, name, signed_by, known_as="DNS:localhost", days=DAY):
    openssl(folder, f"req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key"
            f" -out {name}.csr -subj /CN={name}")
    openssl(folder, f"x509 -req -in {name}.csr -CA {signed_by}.pem -CAkey {signed_by}.key -out {name}.pem"
            f" {days} -extfile /dev/stdin", f"subjectAltName={known_as}")


def make(folder):
    """Writes them all; ca.pem is the authority that is trusted."""
    folder = pathlib.Path(folder)
    authority(folder, "ca")
    authority(folder, "stranger")
    server(folder, "trusted", "ca")
    server(folder, "expired", "ca", days=EXPIRED)
    server(folder, "wrong-name", "ca", known_as="DNS:elsewhere.test")
    server(folder, "unknown-authority", "stranger")
    openssl(folder, "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout"
            f" self-signed.key -out self-signed.pem {DAY} -subj /CN=localhost -addext"
            " subjectAltName=DNS:localhost")
    for name in ("huge-chain", "tls-1-only"):
        (folder / f"{name}.key").write_bytes((folder / "trusted.key").read_bytes())
        (folder / f"{name}.pem").write_bytes((folder / "trusted.pem").read_bytes())
    with open(folder / "huge-chain.pem", "a") as chain:
        chain.write((folder / "stranger.pem").read_text() * 1_000)


def contexts(folder):
    """A server's context for each certificate of the folder that has a key."""
    made = {}
    for key in sorted(pathlib.Path(folder).glob("*.key")):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if key.stem == "tls-1-only":
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
        context.load_cert_chain(key.with_suffix(".pem"), key)
        made[key.stem] = context
    return made
