"""Loading: the modules of a long-running command are loaded without garbage collection."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Modules consist of several hundred thousand objects that all stay: the collector would examine them again and again for nothing.

    At the end what exists is frozen, so that later collections do not examine it either.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
