"""Step 2: from a class of stubs to a plan, or to one error that lists every mistake."""
