"""Tests mirror the sources; ``support`` holds what several of them use."""
