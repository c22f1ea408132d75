"""`python -m infra`: write the template anew."""

from __future__ import annotations

from infra.template import FILE, template

FILE.write_text(template(), encoding="utf-8")
