"""Try again what failed by chance, with a growing pause in between."""
