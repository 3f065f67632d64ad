"""Mutation testing: change the rules of the policies on purpose, and see that a test fails.

Of the tools that exist, mutmut keeps all mutants of a module beside each other behind
trampolines, which classes with ``__slots__``, properties and generated ``Record`` methods do not
survive unchanged, and leaves class bodies alone; cosmic-ray rewrites the files of the checkout
itself, one mutant after the other, and spends much of its time on annotations, which cannot
change what happens. This one is small: mutants are syntax trees (:mod:`.mutants`); each is
imported in place of the real module in a forked process that runs the tests (:mod:`.judge`);
no file of the checkout is ever written.
"""
