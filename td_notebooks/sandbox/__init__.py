"""A Talkdesk on loopback: identity, Explore, storage, faults and a simulated contact centre."""
