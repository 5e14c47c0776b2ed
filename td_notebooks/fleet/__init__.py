"""Syncs with nobody watching: of one account or of hundreds, and what is told about them."""

from __future__ import annotations

from .accounts import AccountEntry, read_accounts
from .run import AccountRun, Task, sync_account, sync_accounts
from .summary import Summary

__all__ = [
    "AccountEntry",
    "AccountRun",
    "Summary",
    "Task",
    "read_accounts",
    "sync_account",
    "sync_accounts",
]
