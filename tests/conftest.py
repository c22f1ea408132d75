"""What every test may use: a clock that is turned by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest


@dataclass
class HandClock:
    """A clock that stands still until it is moved."""

    now: datetime = field(default=datetime(2026, 11, 23, 4, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture
def clock() -> HandClock:
    return HandClock()
