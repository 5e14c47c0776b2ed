"""Talkdesk reports as typed pandas DataFrames."""

__version__ = "0.1.0"
