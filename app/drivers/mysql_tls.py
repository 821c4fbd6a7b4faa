"""How connections to MySQL are encrypted: `MYSQL_SSL_MODE` means what `--ssl-mode` means to MySQL's own client."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TlsMode = Literal["disabled", "preferred", "required", "verify_ca", "verify_identity"]


@dataclass(frozen=True, slots=True)
class Tls:
    """Encrypts with `context` where the server can; `is_required`: where it cannot, nobody logs in there."""

    context: ssl.SSLContext | None = None
    is_required: bool = False


NO_TLS = Tls()


def build_tls(mode: TlsMode, ca_file: Path | None = None) -> Tls:
    """Return how to connect. Without a file of certificates those are trusted that the system trusts.

    Raises OSError where the file cannot be read or holds no certificate.
    """
    if mode == "disabled":
        return NO_TLS
    # Not `create_default_context`: it refuses the certificates that MySQL makes for itself, for what they leave out.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = mode == "verify_identity"
    if mode not in ("verify_ca", "verify_identity"):
        context.verify_mode = ssl.CERT_NONE
    elif ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    else:
        context.load_default_certs()
    return Tls(context, is_required=mode != "preferred")
