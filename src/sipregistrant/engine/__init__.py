"""The engine: takes rows that are due from the schedule, sends their REGISTERs, and settles what came of it.

`engine.py` is the loop, `claims.py` what it asks the schedule for, `reach.py` which target a row goes to (found by `naming/`),
`pacing.py` how much may go there, `turns.py` who goes first. `departure.py` makes an attempt, `ordering.py` what it puts on the
wire, `transport/` is the way it takes. `dispatcher.py` is what comes in, `deadlines.py` the one timer, `settling.py` what an
outcome leaves in its row, `monitor.py` asks quiet servers, `clock.py` is the time, `lag.py` how late the loop is, `watchdog.py`
heals. It knows nothing of the database: the schedule comes in as a protocol (`model/schedule.py`).
"""
