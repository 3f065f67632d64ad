"""Stop calling what keeps failing, and find out when it has recovered."""
