"""``python -m td_notebooks``: the command line."""

from .cli import main

main()
