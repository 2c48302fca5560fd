"""From a server's configuration to the addresses that requests go to (RFC 3263).

`targets.py` says what is asked for, `resolver.py` keeps the answers, `names.py` and `questions.py` ask; `routing.py` has the
routes that an operator wants.
"""
