"""The sandbox registrar: something to register at, for the demo, the tests and users' own checks.

It is no registrar for others: one password for every user, bindings in memory, nothing routed. `location.py` says what
a REGISTER does to the bindings of an AOR, `registrar.py` reads and answers requests without a socket or a clock,
`server.py` gives it both.
"""
