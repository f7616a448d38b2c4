"""Security: one set of authentication options for all Kafka clients; secrets are read from files."""

import ssl
from pathlib import Path
from typing import Any

from models.errors import ConfigurationError
from streams.kafka.cluster.parameters import KafkaParameters, KafkaSecurity

READ_COMMITTED = "read_committed"
"""Isolation level of all readers: a transaction counts when it is committed, and never if it is aborted."""


def client_settings(parameters: KafkaParameters) -> dict[str, Any]:
    """Keyword arguments that kafka-python's and aiokafka's clients share.

    Raises ConfigurationError if a named file can't be read.
    """
    security = parameters.security
    settings: dict[str, Any] = {"bootstrap_servers": servers(parameters), "security_protocol": security.protocol}
    if security.protocol.endswith("SSL"):
        settings["ssl_context"] = tls(security)
    if security.protocol.startswith("SASL"):
        settings |= {
            "sasl_mechanism": security.mechanism,
            "sasl_plain_username": security.username,
            "sasl_plain_password": password(security),
        }
    return settings


def servers(parameters: KafkaParameters) -> list[str]:
    """The brokers to connect to first, as host:port."""
    return [server.strip() for server in parameters.bootstrap_servers.split(",") if server.strip()]


def password(security: KafkaSecurity) -> str:
    """The content of `password_file`, without the line end."""
    if security.password_file is None:
        raise ConfigurationError(f"{security.protocol} needs kafka.security.password_file")
    return _secret(security.password_file, "password_file")


def tls(security: KafkaSecurity) -> ssl.SSLContext:
    """A context that trusts `ca_file` (by default the system's authorities) and presents this client's certificate if there is one."""
    try:
        context = ssl.create_default_context(cafile=security.ca_file)
        context.check_hostname = security.check_hostname
        if security.certificate_file is not None:
            secret = _secret(security.key_password_file, "key_password_file") if security.key_password_file else None
            context.load_cert_chain(security.certificate_file, security.key_file, secret)
    except OSError as fault:
        # ssl.SSLError is a kind of OSError, and neither names the file.
        files = ", ".join(str(path) for path in (security.ca_file, security.certificate_file, security.key_file) if path)
        raise ConfigurationError(f"can't use the certificates of kafka.security ({files}): {fault}") from None
    return context


def _secret(path: Path, key: str) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigurationError(f"can't read kafka.security.{key} {path}: {fault}") from None
