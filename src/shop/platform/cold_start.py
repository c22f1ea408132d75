"""What makes a Lambda's environment begin sooner, and its first events quicker."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage is looked for while code is loaded, which makes next to none, nor among what was loaded, ever after.

    Looking takes an eighth of the time to load, and later some ten milliseconds in the midst of an event.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
