"""Keep retries a small part of all calls, so that they never bring a service down."""
