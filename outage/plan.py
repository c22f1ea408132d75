"""How long what fails, how much is ordered meanwhile, and what there is to order."""

from __future__ import annotations

import csv
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outage.customers import FIRST_PRICE, SHARE_OF_NEW, new_product
from outage.server import HANGS
from torture.server import SHOP

LATE = 15.0  # seconds after which something should have healed by itself, and has not
_PLENTY, _SCARCE = 1_000_000, 40  # units of most products, and of two whose price changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Lengths are in seconds. The shop's own settings are its defaults."""

    fault: str = HANGS
    steady: float = 60
    catalog_away: float = 60
    healed: float = 60
    redis_away: float = 60
    redis_back: float = 60
    rate: float = 40  # orders a second
    price_every: float = 0.5
    look_every: float = 0.1
    known: int = 40
    changed: int = 10
    budget: float = 5
    timeout: float = 2
    opens_for: float = 60
    slack: float = 1  # for an answer, beside the budget; and for an event's way, until a price is known

    @classmethod
    def quick(cls, **more: Any) -> Plan:
        """Some seconds, with patience as short."""
        short = {"steady": 0.5, "catalog_away": 1.5, "healed": 1, "redis_away": 1, "redis_back": 1, "known": 8}
        impatient = {"budget": 0.8, "timeout": 0.2, "opens_for": 1, "slack": 3, "price_every": 0.1, "look_every": 0.05}
        return cls(**{**short, **impatient, **more})

    @property
    def longest_away(self) -> float:
        """Until the breaker has let a trial through, after the catalog is back."""
        return self.opens_for + self.budget + self.slack

    @property
    def newcomers(self) -> int:
        """More products than can be ordered for the first time."""
        seconds = self.steady + self.catalog_away + self.healed + self.redis_away + self.redis_back
        return int((seconds + self.longest_away + 2 * LATE) * self.rate * SHARE_OF_NEW) + 10

    @property
    def settings(self) -> Mapping[str, str]:
        """Of the shop."""
        return {
            "SHOP_CATALOG_BUDGET_SECONDS": str(self.budget),
            "SHOP_CATALOG_TIMEOUT_SECONDS": str(self.timeout),
        }

    @property
    def read_before(self) -> list[str]:
        """Products that stay as they are."""
        return [f"known-{number:02}" for number in range(self.known)]

    @property
    def then_changed(self) -> list[str]:
        """Products whose price is changed again and again."""
        return [f"changed-{number:02}" for number in range(self.changed)]

    @property
    def stock(self) -> dict[str, int]:
        """Of all products."""
        products = [*self.read_before, *self.then_changed, *map(new_product, range(self.newcomers))]
        return dict.fromkeys(products, _PLENTY) | dict.fromkeys(self.then_changed[:2], _SCARCE)


def stock_up(plan: Plan, data: Path) -> None:
    """Bring all of it into the shop in this folder, which does not serve yet. `RuntimeError` with what was said."""
    file = data / "products.csv"
    price = f"{FIRST_PRICE // 100}.{FIRST_PRICE % 100:02}"
    with file.open("w", newline="", encoding="utf-8") as rows:
        write = csv.writer(rows)
        write.writerow(("Handle", "Title", "Variant SKU", "Variant Inventory Qty", "Variant Price"))
        write.writerows((product, product, product, units, price) for product, units in plan.stock.items())
    environ = {**os.environ, "SHOP_DATA": str(data), "SHOP_LOG": "error"}
    ran = subprocess.run([*SHOP, "import", str(file)], env=environ, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"the products could not be imported: {ran.stdout}{ran.stderr}")
