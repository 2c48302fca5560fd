"""The store: configuration, and the schedule that is made of it.

`schema.py` has the tables, `migrations/` their history, `writer.py` the one thread that writes, `store.py` opens it
all. `config.py` is the way in for what operators want, `reconcile.py` carries it to the registrations, `schedule.py`
is the only way in and out of the schedule (claim and settle), `runtime.py` what is shown of it. The engine side is
`engine/`.
"""
