"""The language server: what the compiler knows, for editors, while a model is being written.

`analysis` goes the road as far as the graph and says what is wrong; `names` finds what every name
means; `hover`, `completion` and `symbols` answer questions on a text and a place in it. All of
these are plain functions; `server` alone speaks the protocol, over standard input and output, and
alone needs pygls.
"""
