"""The packages of a lake: ``pip install 'td_notebooks[lake]'``."""

from __future__ import annotations

import functools

from ..extras import needed as _needed

needed = functools.partial(_needed, extra="lake", purpose="The lake")
