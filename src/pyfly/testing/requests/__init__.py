"""What a request on the wire says: which declared method made it, and with which arguments."""
