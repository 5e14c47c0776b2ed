"""Report types and jobs: what can be asked, asking it, waiting, fetching."""
