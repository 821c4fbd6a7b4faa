"""Certificates of an authority of our own, made by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Authority:
    """Whoever trusts `certificate` trusts what it issues."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    @classmethod
    def make(cls, folder: Path, name: str) -> "Authority":
        folder.mkdir()
        made = cls(folder)
        key = str(folder / "ca-key.pem")
        _openssl("req", "-x509", *_CURVE, "-subj", f"/CN={name}", "-keyout", key, "-out", str(made.certificate))
        return made

    def issue(self, name: str) -> tuple[Path, Path]:
        """Return the certificate and the key of a server of this name, such as `DNS:db` or `IP:127.0.0.1`."""
        key, request, certificate = (self.folder / file for file in ("key.pem", "request.pem", "server.pem"))
        names = self.folder / "names"
        names.write_text(f"subjectAltName={name}\n", encoding="ascii")
        _openssl("req", *_CURVE, "-subj", "/CN=server", "-keyout", str(key), "-out", str(request))
        _openssl(
            *("x509", "-req", "-in", str(request), "-out", str(certificate), "-extfile", str(names)),
            *("-CA", str(self.certificate), "-CAkey", str(self.folder / "ca-key.pem"), "-CAcreateserial"),
        )
        return certificate, key


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
