"""Whole calls over real sockets: one server process, one client process for each case."""
