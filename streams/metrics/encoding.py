"""Encoding: the metrics as text, in the format that the scraper requests."""

from prometheus_client import CollectorRegistry
from prometheus_client import exposition as plain
from prometheus_client.openmetrics import exposition as openmetrics


def encoded(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """(text, its content type) for this `Accept` header.

    All our names are valid in every escaping scheme. The client's OpenMetrics, if asked to escape, would still examine each letter of each
    name, which costs a third of a scrape: so it is not asked.
    """
    encode, content_type = plain.choose_encoder(accept)
    if content_type.startswith("application/openmetrics-text"):
        text: bytes = openmetrics.generate_latest(registry, openmetrics.ALLOWUTF8)  # type: ignore[no-untyped-call]  # the client's own
        return text, content_type
    return encode(registry), content_type
