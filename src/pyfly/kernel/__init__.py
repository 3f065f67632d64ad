"""What every other room may lean on: the exception tree and immutable records."""
