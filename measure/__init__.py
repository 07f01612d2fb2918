"""Supplies observations: the rows that a law is fitted to.

A checkpoint, a number format and a text go in; losses come out, in nats per token and bits per byte, each with its
standard error and its provenance, as rows of the table that `lawdsl` binds to a law. The rows may also come from
anywhere else, so the language and the engine never import this package, and it imports neither the engine nor its
samplers. It needs the `measure` extra: `pip install 'lawdsl[measure]'`.
"""
