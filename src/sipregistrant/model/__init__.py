"""The resources of the SBC Edge REST API and their attributes, declared once, as data.

`attributes.py` says what an attribute is and how its text becomes a value; `resource.py` what a resource is;
`registrants.py`, `servers.py`, `credentials.py`, `profiles.py` and `groups.py` hold the tables; `registry.py` lists
them. Validation and rendering of /rest, the SQL columns and the reference page of the docs derive from these tables.
`addressing.py` says what an entry puts on the wire at one server; `status.py` what an operator is shown of it.
"""
