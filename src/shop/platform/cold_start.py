"""What makes a Lambda's environment begin sooner, and its first events quicker."""

from __future__ import annotations

import gc
import sys
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


@contextmanager
def without(*names: str) -> Iterator[None]:
    """For so long these packages are not there, for libraries that do without; those that are loaded already are."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: Python's own word for «not there»
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def keep_what_is_loaded() -> None:
    """What a server has loaded and made when it begins to answer stays until its end: collections need not look at it
    each time. Some 4 % of an order's CPU.
    """
    gc.collect()
    gc.freeze()
