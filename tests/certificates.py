"""Certificates for the tests, made by the ``openssl`` program."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_SUBJECT = "subjectAltName={names}\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"


class Authority:
    """Signs certificates; all files are in ``folder``. Skips the test where there is no ``openssl``."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("needs the program openssl")
        self._folder = folder
        self.certificate, self._key = folder / "ca.pem", folder / "ca.key"
        self._openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test Authority", "-keyout",
            self._key, "-out", self.certificate, "-addext", "keyUsage=critical,keyCertSign",
        )  # fmt: skip

    def issue(self, name: str, names: str = "IP:127.0.0.1,DNS:localhost", password: str = "") -> tuple[Path, Path]:
        """A certificate for ``names`` and its key, encrypted where there is a password."""
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text(_SUBJECT.format(names=names))
        locked = ["-passout", f"pass:{password}"] if password else ["-nodes"]
        self._openssl(
            "req", "-new", "-newkey", "rsa:2048", *locked, "-subj", f"/CN={name}", "-keyout", key, "-out", request
        )
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-days",
            "2", "-extfile", extensions, "-out", certificate,
        )  # fmt: skip
        return certificate, key

    def keystore(self, name: str, names: str = "IP:127.0.0.1,DNS:localhost") -> Path:
        """Key and certificate in one file, as a broker takes them (``ssl.keystore.type=PEM``)."""
        certificate, key = self.issue(name, names)
        both = self._folder / f"{name}-store.pem"
        both.write_bytes(key.read_bytes() + certificate.read_bytes() + self.certificate.read_bytes())
        return both

    def _openssl(self, *arguments: str | Path) -> None:
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
