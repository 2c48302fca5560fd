"""The engine: takes rows that are due from the schedule, sends their REGISTERs, and settles what came of it.

`engine.py` is the loop, `flows.py` the sockets, `dispatcher.py` what comes in on them, `deadlines.py` the one timer,
`pacing.py` how much may be in flight, `ordering.py` what a row puts on the wire, `settling.py` what an outcome leaves
in its row, `clock.py` the time, `lag.py` how late the loop is. It knows nothing of the database:
the schedule comes in as a protocol (`model/schedule.py`).
"""
