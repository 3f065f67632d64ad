"""Step 1: what a user writes. Decorators and markers note it down; nothing else happens."""
