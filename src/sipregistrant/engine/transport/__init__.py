"""The ways to a target: sockets, connections, WebSockets and TLS; what a NAT makes of them, and what keeps them alive.

`ways.py` finds the flow that an attempt takes: `flows.py` has the sockets of the signaling groups, `streams.py` the
connections, `framings.py` and `web_sockets.py` what lies on one, `tls.py` its terms, `switching.py` what is too large for a
datagram. `seen.py` knows where a NAT has us, `keep_alives.py` keeps the flows of RFC 5626.
"""
