"""An incremental store of reports: Delta tables, kept equal to what Talkdesk has.

`Lake` is the way in; ``client.lake(path)`` makes one that can pull.
"""

from __future__ import annotations

from .access import Access
from .care import Tended
from .ledger import Entry
from .place import Place
from .replace import Step
from .store import Lake
from .sync import Synced
from .window import Outcome, Unit

__all__ = ["Access", "Entry", "Lake", "Outcome", "Place", "Step", "Synced", "Tended", "Unit"]
