"""Is each fault of the page of faults proved? Take its handling out, and see its test fail.

``removals.toml`` lists the handlings: where each is in the source, what stands there without it,
and the faults whose tests must fail then. A copy of the checkout is changed, never the checkout.

:mod:`tools.mutation` asks another question: it makes every small change to a few modules, and one
failure of any test is an answer. Here a person has said what the handling of a fault is, and
each fault that is named has to be noticed by its own test.
"""
