"""The SIP core, sans-I/O: what arrives, the time and randomness are arguments; what is to be sent is returned.

No socket, clock, random source, log or database is imported here. `uri.py`, `fields.py`, `message.py` and `digest.py`
are the syntax (RFC 3261 §7, §19.1, §20, §22, §25); `transaction.py` and `registration.py` are one attempt at a
registration; `uas.py` answers what others ask of us. All parsers are total: they return a value or raise
`SipParseError`, whatever the bytes.
"""
