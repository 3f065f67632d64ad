"""Step 3: from a plan to one Python function for each method, with the stub's signature."""
