"""The engine: takes rows that are due from the schedule, sends their REGISTERs, and settles what came of it.

`engine.py` is the loop, `claims.py` what it asks the schedule for, `reach.py` which target a row goes to (`targets.py`,
`resolver.py`, `names.py`), `pacing.py` how much may go there. `ways.py` finds the flow: `flows.py` has the sockets,
`streams.py` the connections. `dispatcher.py` is what comes in on them, `deadlines.py` the one timer, `ordering.py` what a row
puts on the wire, `settling.py` what an outcome leaves in its row, `clock.py` the time, `lag.py` how late the loop is. It knows
nothing of the database: the schedule comes in as a protocol (`model/schedule.py`).
"""
