"""Who asks, by which name, and what they may do: the same for `rest/` and `api/`.

`login.py` checks names and passwords, `throttle.py` makes guessing slow; `sessions.py` knows who is logged in, `proxies.py`
who asks behind a reverse proxy, `origin.py` whether a foreign page does. `actor.py` is what is known of who asks in the end.
"""
