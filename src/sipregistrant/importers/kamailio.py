"""Kamailio: the table `uacreg` of its module uac, which registers at remote registrars.

Columns and their meaning: "Remote Registration" of the module's documentation (5.x; `contact_user` of later ones).
"""

from __future__ import annotations

from pathlib import Path

from ..errors import SipParseError
from .found import Found
from .gathering import Gathering, Registration, number_of
from .hops import parse_hop
from .places import Account
from .rows import Row, read_rows

__all__ = ["read"]

WANTED = ("l_uuid", "r_username", "r_domain")
READ = {*WANTED, "realm", "auth_username", "auth_password", "auth_ha1", "auth_proxy", "expires", "flags", "contact_addr",
        "contact_user"}  # fmt: skip

# What is there for Kamailio's own use, or comes to nothing here, where it is not empty.
LOCAL = {
    "l_username": "l_username and l_domain, where Kamailio sends the calls that come in, are not carried over",
    "l_domain": "l_username and l_domain, where Kamailio sends the calls that come in, are not carried over",
    "socket": "socket is not carried over: REGISTERs leave from the address of the signaling group",
    "reg_delay": "reg_delay is not carried over: what is new is paced by the server (MaxRegistersPerSecond)",
}
NOTHING = {"", "0"}

IS_DISABLED = 1
"""The bit of `flags`; the others are its state."""


def read(path: Path) -> Found:
    """Read a `uacreg`: a file of db_text, or a CSV or `mysql --batch` with its heading. Raises `ImportFaulty`."""
    gathering = Gathering()
    for number, row in read_rows(path, WANTED):
        _add(gathering, f"line {number}", row)
    return gathering.found()


def _add(gathering: Gathering, where: str, row: Row) -> None:
    flags = number_of(row.get("flags", ""))
    if flags is not None and flags & IS_DISABLED:
        gathering.left_out(where, "it is disabled (flags)")
        return
    domain = row["r_domain"].partition(";")[0]
    try:
        hop = parse_hop(row.get("auth_proxy") or row["r_domain"])
    except SipParseError as error:
        gathering.left_out(where, str(error))
        return
    for column, value in row.items():
        if column in LOCAL and value not in NOTHING:
            gathering.remark(where, LOCAL[column])
        elif column not in READ and column not in LOCAL and column != "id" and value:
            gathering.remark(where, f"column {column} is not known, and not carried over")
    aor = f"sip:{row['r_username']}@{domain}"
    gathering.add(Registration(
        where, hop, aor, contact=_contact(gathering, where, row), ttl=_expires(gathering, where, row),
        account=_account(gathering, where, row),
    ))  # fmt: skip


def _contact(gathering: Gathering, where: str, row: Row) -> str:
    """Return the contact: its user is l_uuid; without an address of its own it is the one of reg_contact_addr."""
    user = row.get("contact_user") or row["l_uuid"]
    address = row.get("contact_addr", "")
    if address:
        return f"sip:{user}@{address}"
    gathering.remark(where, "the contact had the address of reg_contact_addr, which is no part of the table; here it has that "
                            "of this service: set URI1 where calls are to go elsewhere")  # fmt: skip
    return f"sip:{user}"


def _expires(gathering: Gathering, where: str, row: Row) -> int | None:
    text = row.get("expires", "")
    expires = number_of(text)
    if expires:
        return expires
    if text not in NOTHING:
        gathering.note(where, f"expires is {text!r}: AorTtl is left at its default")
    else:
        gathering.remark(where, "no expires: AorTtl is left at its default")
    return None


def _account(gathering: Gathering, where: str, row: Row) -> Account | None:
    ha1, password, realm = row.get("auth_ha1", ""), row.get("auth_password", ""), row.get("realm", "")
    user = row.get("auth_username", "")
    if not (user or ha1 or password):
        return None
    if not user:
        gathering.note(where, "auth_username is empty: the user of the AOR is taken")
        user = row["r_username"]
    if ha1 and not realm:
        # An HA1 is of one realm; which one is not said.
        gathering.note(where, "auth_ha1 is not carried over: it has no realm")
        ha1 = ""
    # It has priority over the password.
    return Account(user, ha1 or password, realm, bool(ha1))
