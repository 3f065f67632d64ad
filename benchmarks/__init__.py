"""What things cost, measured: ``python3 dev.py bench``."""
