"""Stands in for ssl.

Gap: CPython for WASI is built without OpenSSL. HTTP clients import the module and make contexts before they know whether they need any, so it can be imported
and contexts can be made and set up; what would encrypt is an error that says what to do.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would be a part of the image
    from typing import Any, NoReturn

OPENSSL_VERSION = "none: this CPython is built without OpenSSL"
OPENSSL_VERSION_INFO = (0, 0, 0, 0, 0)
OPENSSL_VERSION_NUMBER = 0
HAS_SNI = HAS_ALPN = HAS_TLSv1_2 = HAS_TLSv1_3 = HAS_NEVER_CHECK_COMMON_NAME = True
HAS_NPN = HAS_SSLv2 = HAS_SSLv3 = HAS_TLSv1 = HAS_TLSv1_1 = False
CHANNEL_BINDING_TYPES: list[str] = []

# Their values are OpenSSL's: options are joined by programs, and compared.
OP_ALL = 0x80000050
OP_NO_SSLv2, OP_NO_SSLv3, OP_NO_TLSv1, OP_NO_TLSv1_1, OP_NO_TLSv1_2, OP_NO_TLSv1_3 = 0, 1 << 25, 1 << 26, 1 << 28, 1 << 27, 1 << 29
OP_NO_COMPRESSION, OP_NO_TICKET, OP_NO_RENEGOTIATION, OP_ENABLE_MIDDLEBOX_COMPAT = 1 << 17, 1 << 14, 1 << 30, 1 << 20
OP_CIPHER_SERVER_PREFERENCE, OP_SINGLE_DH_USE, OP_SINGLE_ECDH_USE, OP_IGNORE_UNEXPECTED_EOF, OP_LEGACY_SERVER_CONNECT = 1 << 22, 0, 0, 1 << 7, 1 << 2
VERIFY_DEFAULT, VERIFY_CRL_CHECK_LEAF, VERIFY_CRL_CHECK_CHAIN, VERIFY_X509_STRICT, VERIFY_X509_TRUSTED_FIRST, VERIFY_X509_PARTIAL_CHAIN = 0, 4, 12, 32, 32768, 524288


class VerifyMode:
    """The real one is an enum, which would take more memory in each function that imports asyncio."""

    CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED = range(3)


class TLSVersion:
    MINIMUM_SUPPORTED, SSLv3, TLSv1, TLSv1_1, TLSv1_2, TLSv1_3, MAXIMUM_SUPPORTED = -2, 768, 769, 770, 771, 772, -1


class Purpose:
    SERVER_AUTH, CLIENT_AUTH = range(2)


CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED = range(3)
PROTOCOL_TLS = PROTOCOL_SSLv23 = 2
PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER, PROTOCOL_TLSv1, PROTOCOL_TLSv1_1, PROTOCOL_TLSv1_2 = 16, 17, 3, 4, 5


class SSLError(OSError):
    """Every error of this module."""

    library = reason = None


class SSLZeroReturnError(SSLError):
    """Raised by the real module."""


class SSLWantReadError(SSLError):
    """Raised by the real module."""


class SSLWantWriteError(SSLError):
    """Raised by the real module."""


class SSLSyscallError(SSLError):
    """Raised by the real module."""


class SSLEOFError(SSLError):
    """Raised by the real module."""


class SSLCertVerificationError(SSLError, ValueError):
    """Raised by the real module."""


CertificateError = SSLCertVerificationError
socket_error = OSError


def refuse(what: str) -> NoReturn:
    """Raise the error of a use that would encrypt."""
    raise SSLError(f"ssl: {what} is not possible, since this CPython has no OpenSSL, and a sandbox no sockets: it cannot connect to a server")


class SSLContext:
    """ssl.SSLContext: what is set is remembered, and nothing can be encrypted by it."""

    def __init__(self, protocol: int | None = None, *args: Any, **kwargs: Any) -> None:
        self.protocol = PROTOCOL_TLS if protocol is None else protocol
        client = protocol == PROTOCOL_TLS_CLIENT
        self.check_hostname, self.verify_mode = client, CERT_REQUIRED if client else CERT_NONE
        self.options, self.verify_flags = OP_ALL | OP_NO_SSLv3, VERIFY_X509_TRUSTED_FIRST
        self.minimum_version, self.maximum_version = TLSVersion.TLSv1_2, TLSVersion.MAXIMUM_SUPPORTED
        self.post_handshake_auth, self.keylog_filename, self.hostname_checks_common_name, self.sni_callback = False, None, True, None

    def _nothing(self, *args: Any, **kwargs: Any) -> None:
        """Change nothing: it would matter to what is encrypted only."""

    load_default_certs = load_verify_locations = load_cert_chain = load_dh_params = set_default_verify_paths = _nothing
    set_ciphers = set_alpn_protocols = set_npn_protocols = set_ecdh_curve = set_servername_callback = _nothing

    def get_ca_certs(self, binary_form: bool = False) -> list[Any]:
        return []

    def get_ciphers(self) -> list[dict[str, Any]]:
        return []

    def cert_store_stats(self) -> dict[str, int]:
        return {"x509": 0, "crl": 0, "x509_ca": 0}

    def session_stats(self) -> dict[str, int]:
        return {}

    def wrap_socket(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse("SSLContext.wrap_socket()")

    def wrap_bio(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse("SSLContext.wrap_bio()")


class _None:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        refuse(f"{type(self).__name__}()")


class SSLSocket(_None):
    """ssl.SSLSocket, of which there is none."""


class SSLObject(_None):
    """ssl.SSLObject, of which there is none."""


class SSLSession(_None):
    """ssl.SSLSession, of which there is none."""


class MemoryBIO(_None):
    """ssl.MemoryBIO, of which there is none."""


def create_default_context(purpose: Any = Purpose.SERVER_AUTH, *, cafile: Any = None, capath: Any = None, cadata: Any = None) -> SSLContext:
    return SSLContext(PROTOCOL_TLS_CLIENT if purpose == Purpose.SERVER_AUTH else PROTOCOL_TLS_SERVER)


def _create_unverified_context(protocol: int | None = None, *args: Any, **kwargs: Any) -> SSLContext:
    return SSLContext(protocol)


_create_default_https_context = create_default_context
_create_stdlib_context = _create_unverified_context


def wrap_socket(*args: Any, **kwargs: Any) -> NoReturn:
    refuse("wrap_socket()")


def get_server_certificate(*args: Any, **kwargs: Any) -> NoReturn:
    refuse("get_server_certificate()")


def get_default_verify_paths() -> NoReturn:
    refuse("get_default_verify_paths()")


def RAND_bytes(number: int) -> bytes:
    """Return random bytes: they need no OpenSSL."""
    import os

    return os.urandom(number)


def RAND_status() -> bool:
    return True
