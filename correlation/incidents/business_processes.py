"""Business processes: the processes that need each message class, Service Request Variant or alert code.

Users asked for measures by process (Install & Commission, Billing, Prepayment). A code that is in no row belongs to no process, and a
series without a service is needed for all three.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from models.columns import SeriesKey
from models.vocabulary import ALERT_CLASSES

CORE = ("billing", "install_and_commission", "prepayment")
"""Processes that a User can't carry out without a working route, whatever the service."""

PROCESSES: Mapping[str, tuple[str, ...]] = {
    "install_and_commission": ("8", "12", "8F69", "8183", "8F12", "81A2", "N16", "N24", "N25"),
    "prepayment": ("1.5", "1.6", "2", "4.3", "4.18", "810D", "8F0F", "8119"),
    "billing": ("4", "5", "8F0A"),
    "tariff": ("1.1", "1.2"),
    "network_operation": ("4.10", "6.5", "8F35", "8F36", "8F1D", "AD1"),
    "supply": ("7",),
    "change_of_supplier": ("3.2", "6.15", "6.21", "6.23", "6.24", "8F70", "N42"),
    "firmware": ("11", "8F1C", "8F72"),
    "customer": ("3",),
    "diagnosis": ("6.2", "6.13", "9"),
}
"""Process → variants and codes; `8` means every 8.x; the longest match decides."""

_BY_CODE = {code: process for process, codes in PROCESSES.items() for code in codes}


def processes(keys: Iterable[SeriesKey]) -> tuple[str, ...]:
    """Sorted; the processes that suffer when these series do. Queues name no process themselves: see `CORE`."""
    return tuple(sorted({process for key in keys for process in _of(key.message_class, key.service)}))


@lru_cache(maxsize=4096)
def _of(message_class: str, service: str) -> tuple[str, ...]:
    if not message_class:
        return ()
    if not service:
        return () if message_class in ALERT_CLASSES else CORE
    process = process_of(service)
    return () if process is None else (process,)


def process_of(service: str) -> str | None:
    """The process of a service or an alert code; None if it is unknown."""
    parts = service.split(".")
    ancestors = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((_BY_CODE[code] for code in ancestors if code in _BY_CODE), None)


def pool_names(keys: Iterable[SeriesKey]) -> list[str]:
    """The business processes and the region of each series."""
    return [_pool_name(key.message_class, key.service, key.region) for key in keys]


@lru_cache(maxsize=4096)
def _pool_name(message_class: str, service: str, region: str) -> str:
    return ",".join((*sorted(set(_of(message_class, service))), region))
