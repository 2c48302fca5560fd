"""The SBC Edge REST API as programs written for those boxes know it: form in, XML out.

`app.py` takes a request to its end; `login.py` and `cookies.py` say who asks (with `access/`), `origin.py` from where;
`resources.py` carries requests on resources to `store/config.py`, with `queries.py` and `forms.py` reading what came
in; `envelope.py` writes the answer, `codes.py` knows its numbers. Nothing here knows one resource from another: all of
that is data in `model/`.

Marks in docstrings: a page name (R-LOGIN, DESIGN) is the vendor's documentation, *observed* what only programs that
talk to real boxes tell. Where the two disagree, docs/conformance.md says what was chosen.
"""
