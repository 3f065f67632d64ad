"""Let calls that ask for the same at the same time share one answer."""
