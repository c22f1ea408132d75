"""`python -m infra`: write anew the template, and the table of figures."""

from __future__ import annotations

from infra import figures
from infra.template import FILE, template

FILE.write_text(template(), encoding="utf-8")
figures.FILE.write_text(figures.table(), encoding="utf-8")
