"""AudioCodes: the table Account of an ini file, with the IP group, proxy set and proxy addresses that it registers at.

    [ Account ]
    FORMAT Account_Index = Account_ServedTrunkGroup, Account_ServingIPGroupName, Account_Username, …;
    Account 0 = -1, "Provider", "user", …;
    [ \\Account ]

In files of later versions columns are named without their table: `FORMAT Index = ServedTrunkGroup, …`. What tables and
parameters mean is in the user's manuals of MediaPack and Mediant (versions 6 and 7).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ImportFaulty, SipParseError
from ..model.servers import TCP, TLS, UDP
from .found import Found
from .gathering import Gathering, Registration, number_of
from .hops import Hop, parse_hop
from .places import Account
from .sources import read_text

__all__ = ["read"]

LARGEST_FILE_BYTES = 64 * 1024 * 1024

TABLES = ("Account", "IPGroup", "ProxySet", "ProxyIp")

HEADING = re.compile(r"\[\s*+(\\?)\s*+([^\]\s]+)\s*+\]")
FORMAT = re.compile(r"FORMAT\s++(?:(\w+?)_)?Index\s*+=(.*)", re.IGNORECASE)
ROW = re.compile(r"(\w+)\s++([0-9]{1,9})\s*+=(.*)")
PARAMETER = re.compile(r"(\w+)\s*+=\s*+(.*)")

# How the device hides what it exports; only the device itself can tell it again.
OBSCURED = re.compile(r"\$[0-9]\$")

REGULAR, GIN = "1", "2"
"""Of Account_Register."""

PROTOCOLS = {"0": UDP, "1": TCP, "2": TLS}
"""By ProxyIp_TransportType."""

# SIP parameters of the whole device, with what it takes where they are not said.
REGISTRATION_TIME, REGISTRATION_RETRY_TIME = ("registrationtime", 180), ("registrationretrytime", 30)

READ = {
    "servingipgroupname",
    "servingipgroup",
    "username",
    "password",
    "hostname",
    "contactuser",
    "register",
    "accountname",
}

IDLE = frozenset({"", "-1", "0", "none"})
"""What a column says that says nothing."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table: columns in lower case, without the name of the table."""

    index: str
    where: str
    columns: dict[str, str]

    def get(self, *names: str) -> str:
        """Return the first of these columns that is there and says something."""
        return next((self.columns[name] for name in names if self.columns.get(name)), "")


@dataclass(slots=True)
class _Device:
    tables: dict[str, list[_Row]] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    _known: dict[tuple[str, str], dict[str, _Row]] = field(default_factory=dict)
    _addresses: dict[str, list[_Row]] = field(default_factory=dict)

    def find(self, table: str, name: str, column: str) -> _Row | None:
        """Return the row of that name, or of that index where rows are named by it."""
        if (table, column) not in self._known:
            rows = list(reversed(self.tables.get(table, [])))
            by_name = {row.get(column).lower(): row for row in rows}
            self._known[table, column] = {row.index: row for row in rows} | by_name
        return self._known[table, column].get(name.lower())

    def addresses(self, proxy_set: str) -> list[_Row]:
        """Return the addresses of a proxy set, by its index, in their order."""
        if not self._addresses:
            for row in self.tables.get("proxyip", []):
                self._addresses.setdefault(row.get("proxysetid"), []).append(row)
        return sorted(self._addresses.get(proxy_set, []), key=lambda row: number_of(row.get("proxyipindex")) or 0)


def read(path: Path) -> Found:
    """Read an ini file. Raises `ImportFaulty`."""
    device = _read_device(path)
    if "account" not in device.tables:
        raise ImportFaulty(str(path), "it has no table Account, or one that the device hides")
    gathering = Gathering()
    for row in device.tables["account"]:
        try:
            _add(gathering, device, row)
        except SipParseError as error:
            gathering.left_out(row.where, str(error))
    return gathering.found()


def _read_device(path: Path) -> _Device:
    device = _Device()
    wanted = {name.lower() for name in TABLES}
    formats: dict[str, list[str]] = {}
    section = ""
    for number, line in enumerate(read_text(path, LARGEST_FILE_BYTES).split("\n"), 1):
        text = line.strip()
        if not text or text.startswith(";"):
            continue
        if (found := HEADING.fullmatch(text)) is not None:
            section = "" if found[1] else found[2].lower()
            continue
        body = text.removesuffix(";")
        if (found := FORMAT.fullmatch(body)) is not None:
            table = (found[1] or section).lower()
            if table in wanted:
                formats[table] = [_column(table, name) for name in found[2].split(",")]
                device.tables.setdefault(table, [])
        elif (found := ROW.fullmatch(body)) is not None and found[1].lower() in wanted:
            table = found[1].lower()
            where = f"{path}, line {number}"
            if table not in formats:
                raise ImportFaulty(where, f"a row of {found[1]} without a FORMAT before it")
            device.tables[table].append(_row(where, number, found[2], formats[table], found[3]))
        elif (found := PARAMETER.fullmatch(text)) is not None:
            device.parameters[found[1].lower()] = found[2].strip("'\"")
    return device


def _column(table: str, name: str) -> str:
    return name.strip().lower().removeprefix(f"{table}_")


def _row(where: str, number: int, index: str, columns: list[str], body: str) -> _Row:
    try:
        cells = [cell.strip() for cell in next(csv.reader([body], skipinitialspace=True), [])]
    except csv.Error as error:
        raise ImportFaulty(where, f"it cannot be read: {error}") from None
    if len(cells) != len(columns):
        raise ImportFaulty(where, f"it has {len(cells)} values, its FORMAT {len(columns)}")
    return _Row(str(int(index)), f"line {number} [Account {index}]", dict(zip(columns, cells, strict=True)))


def _add(gathering: Gathering, device: _Device, row: _Row) -> None:
    """Take an account in. Raises `SipParseError` where it cannot be."""
    register = row.get("register")
    if register != REGULAR:
        gathering.left_out(
            row.where, "it registers a range of numbers (GIN)" if register == GIN else "it is not registered"
        )
        return
    serving = row.get("servingipgroupname", "servingipgroup")
    group = device.find("ipgroup", serving, "name") if serving else None
    if group is None:
        gathering.left_out(row.where, f"there is no IP group {serving!r}")
        return
    hop = _hop(gathering, device, row, group)
    if hop is None:
        return
    host = row.get("hostname") or group.get("sipgroupname") or hop.host
    username = row.get("username")
    user = row.get("contactuser") or group.get("contactuser") or username
    for name, value in row.columns.items():
        if name not in READ and value.lower() not in IDLE:
            gathering.remark(row.where, f"{name} is not carried over")
    gathering.add(Registration(
        row.where, hop, f"sip:{user}@{host}", name=group.get("name", "description"),
        ttl=_seconds(gathering, device, *REGISTRATION_TIME), retry=_seconds(gathering, device, *REGISTRATION_RETRY_TIME),
        account=_account(gathering, row, username),
    ))  # fmt: skip


def _hop(gathering: Gathering, device: _Device, row: _Row, group: _Row) -> Hop | None:
    """Return the first address of the proxy set of an IP group; None, and a note, where there is none."""
    named = group.get("proxysetname", "proxysetid")
    proxy_set = device.find("proxyset", named, "proxyname") if named else None
    # In old versions the sets are not in the file where they are as they were delivered.
    addresses = device.addresses(proxy_set.index if proxy_set else named)
    if not addresses:
        gathering.left_out(row.where, f"proxy set {named!r} of its IP group has no address in this file")
        return None
    first, *others = addresses
    for each in others:
        gathering.remark(row.where, f"{each.get('ipaddress')}, a further address of the proxy set, is not carried over: "
                                    "give the server a name with SRV records, or the table another server")  # fmt: skip
    return parse_hop(first.get("ipaddress"), PROTOCOLS.get(first.get("transporttype"), UDP))


def _seconds(gathering: Gathering, device: _Device, name: str, default: int) -> int:
    text = device.parameters.get(name, "")
    seconds = number_of(text) if text else default
    if not seconds:
        gathering.remark(name, f"{text!r} is no number of seconds: {default} is taken")
        return default
    return seconds


def _account(gathering: Gathering, row: _Row, username: str) -> Account | None:
    if not username:
        return None
    password = row.get("password")
    if OBSCURED.match(password):
        gathering.remark(row.where, "the password is obscured ($1$…): only the device can read it")
        password = ""
    return Account(username, password)
