"""Bound how long an attempt and a whole call may take."""
