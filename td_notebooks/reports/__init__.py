"""Report types and jobs: what can be asked, asking it, waiting, fetching."""

from .schemas import catalog

__all__ = ["catalog"]
