"""OpenSIPS: the table `registrant` of its module uac_registrant.

Columns and their meaning: the documentation of the module (1.8 to 4.0; `cluster_shtag` and `state` came later).
"""

from __future__ import annotations

from pathlib import Path

from ..errors import SipParseError
from ..sip.uri import parse_uri
from .found import Form, Found
from .gathering import Gathering, Registration, number_of
from .hops import parse_hop
from .places import Account
from .rows import Row, read_rows

__all__ = ["read"]

WANTED = ("registrar", "aor", "binding_uri")
READ = {*WANTED, "proxy", "third_party_registrant", "username", "password", "binding_params", "expiry", "state"}

NOT_CARRIED = {
    "forced_socket": "forced_socket is not carried over: REGISTERs leave from the address of the signaling group",
    "cluster_shtag": "cluster_shtag is not carried over: a registration has one owner",
}

DISABLED = "1"
"""Of `state`."""

LARGEST_Q = 100


def read(path: Path) -> Found:
    """Read a `registrant`: a file of db_text, or a CSV or `mysql --batch` with its heading. Raises `ImportFaulty`."""
    gathering = Gathering()
    for number, row in read_rows(path, WANTED):
        where = f"line {number}"
        try:
            _add(gathering, where, row)
        except SipParseError as error:
            gathering.left_out(where, str(error))
    return gathering.found()


def _add(gathering: Gathering, where: str, row: Row) -> None:
    if row.get("state") == DISABLED:
        gathering.left_out(where, "it is disabled (state)")
        return
    registrar = parse_uri(row["registrar"])
    hop = parse_hop(row.get("proxy") or row["registrar"])
    for column, value in row.items():
        if column in NOT_CARRIED and value:
            gathering.remark(where, NOT_CARRIED[column])
        elif column not in READ and column not in NOT_CARRIED and column != "id" and value:
            gathering.remark(where, f"column {column} is not known, and not carried over")
    expiry = number_of(row.get("expiry", ""))
    if not expiry:
        gathering.remark(where, "no expiry: AorTtl is left at its default")
    third_party = row.get("third_party_registrant", "")
    gathering.add(Registration(
        where, hop, row["aor"], contact=row["binding_uri"], ttl=expiry or None,
        domain=registrar.host if registrar.port is None else f"{registrar.host}:{registrar.port}",
        from_uri="" if third_party == row["aor"] else third_party,
        attributes=_binding(gathering, where, row.get("binding_params", "")), account=_account(gathering, where, row),
    ))  # fmt: skip


def _binding(gathering: Gathering, where: str, params: str) -> Form:
    """Return Q1 and TTL1 of the parameters of a contact; the others are told."""
    found: Form = {}
    for param in filter(None, map(str.strip, params.split(";"))):
        name, _, value = param.partition("=")
        match name.strip().lower():
            case "q" if (q := _hundredths(value)) is not None:
                found["Q1"] = str(q)
            case "expires" if number_of(value):
                found["TTL1"] = str(number_of(value))
            case _:
                gathering.remark(where, f"binding_params: {param!r} is not carried over")
    return found


def _hundredths(text: str) -> int | None:
    """Return a q-value in hundredths, None where it is none. What is finer is cut off: RFC 3261 §25.1 allows three digits."""
    whole, _, digits = text.strip().partition(".")
    if whole not in ("0", "1") or not (digits or "0").isdigit() or not digits.isascii():
        return None
    return min(int(whole) * LARGEST_Q + int((digits + "00")[:2]), LARGEST_Q)


def _account(gathering: Gathering, where: str, row: Row) -> Account | None:
    user, password = row.get("username", ""), row.get("password", "")
    if not user and not password:
        return None
    if not user:
        gathering.note(where, "username is empty: the user of the AOR is taken")
        user = parse_uri(row["aor"]).user
    return Account(user, password)
