"""A week on one page: headline measures, where they come from, pictures, and the data's quality.

Reports in, HTML out: nothing is pulled or written here. The page is one file that asks nobody for
anything, is readable on a phone and on paper, and follows the reader's light or dark setting.
Everything that comes from Talkdesk is escaped.
"""

from .page import week_page
from .reports import week_before, week_of

__all__ = ["week_before", "week_of", "week_page"]
