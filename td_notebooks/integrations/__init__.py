"""Reports for other tools, each in a module of its own that needs that tool."""
