"""A real Kamailio as registrar, for tests: our own configuration, one free port of loopback, everything in a folder
that goes away with it.

    with Kamailio(realm="sip.test", password="secret") as kamailio:
        ...                       # register at 127.0.0.1:kamailio.port, any user, that one password
        kamailio.dump()           # {"alice@sip.test": [Binding(uri="sip:alice@192.0.2.1", q=0.5, expires=60, ...)]}

Everything here blocks, for as long as Kamailio takes: a call of its RPC about a millisecond, `start` and `restart` less
than a second (give them to a thread where an event loop must go on meanwhile). Bindings live in Kamailio's memory, so
`restart` forgets them all, as a registrar without a database does. Nothing of it needs root.

Commands and replies are JSON-RPC over named pipes and not over Kamailio's datagram socket: the dump of a full table
does not fit into a datagram.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.certificates import Files
from tests.ports import free_port

__all__ = [
    "EXECUTABLE",
    "QUIET",
    "UDP_ALONE",
    "WEB_SOCKET_MODULE",
    "Binding",
    "Kamailio",
]

EXECUTABLE = Path("/usr/sbin/kamailio")
WEB_SOCKET_MODULE = next(Path("/usr/lib").glob("*/kamailio/modules/websocket.so"), None)

# Starting takes a fraction of a second; the rest is for a machine that is busy with other tests.
START_SECONDS = 15.0
STOP_SECONDS = 5.0
RPC_SECONDS = 5.0
PROBE_SECONDS = 0.1

# Another process may take the free port before Kamailio binds it.
START_TRIES = 3

# Of shared memory, with its AOR.
BYTES_PER_CONTACT = 2500

QUIET = """\
debug=0
log_stderror=yes
auto_aliases=no
dns=no
rev_dns=no
"""
"""How each Kamailio of ours runs: its own log, no names looked up."""

UDP_ALONE = "disable_tcp=yes\n"

STREAMS = """\
disable_tcp=no
tcp_children=2
tcp_connection_lifetime=600
tcp_crlf_ping=yes
listen=tcp:127.0.0.1:{port}
"""

IPV6 = "listen=udp:[::1]:{port}\n"
IPV6_TCP = "listen=tcp:[::1]:{port}\n"

TLS = """\
enable_tls=yes
listen=tls:127.0.0.1:{tls_port}
"""
TLS_MODULE = """\
loadmodule "tls.so"
modparam("tls", "private_key", "{key}")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "verify_certificate", {asks})
modparam("tls", "require_certificate", {asks})
modparam("tls", "ca_list", "{trusts}")
"""
"""TLS, with our certificate; `asks` 1 wants one of the client, signed by whom it `trusts`."""

WEB_SOCKETS = "tcp_accept_no_cl=yes\n"
WEB_SOCKET_MODULES = """\
loadmodule "xhttp.so"
loadmodule "websocket.so"
modparam("websocket", "keepalive_mechanism", 0)
"""
WEB_SOCKET_ROUTE = """\
event_route[xhttp:request] {{
    if ($hu != "{path}") {{
        xhttp_reply("404", "Not Found", "text/plain", "no WebSocket here");
        exit;
    }}
    ws_handle_handshake();
}}
"""
"""WebSockets at one path, over TCP and TLS alike."""

CONFIGURATION = (
    f"#!KAMAILIO\n# Made by tests/kamailio.py\n{QUIET}"
    + """\
children={workers}
# A route of this name is ours as well.
alias="edge.test"
listen=udp:{host}:{port}
{streams}
loadmodule "kex.so"
loadmodule "jsonrpcs.so"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "rr.so"
{tls_module}{outbound_module}{web_socket_modules}
modparam("jsonrpcs", "transport", 2)
modparam("jsonrpcs", "pretty_format", 0)
modparam("jsonrpcs", "fifo_name", "{folder}/rpc")
modparam("jsonrpcs", "fifo_reply_dir", "{folder}/")
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "use_domain", 1)
modparam("usrloc", "timer_interval", 1)
modparam("usrloc", "hash_size", {hash_size})
modparam("registrar", "default_expires", 3600)
modparam("registrar", "min_expires", {min_expires})
modparam("registrar", "min_expires_mode", 1)
modparam("registrar", "max_expires", {max_expires})
modparam("auth", "algorithm", "{algorithm}")
modparam("auth", "nonce_expire", {nonce_expire})
modparam("auth", "one_time_nonce", {one_time_nonce})
modparam("registrar", "max_contacts", {max_contacts})

request_route {{
    if (is_method("OPTIONS")) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    if (is_method("ACK")) exit;
    if (!is_method("REGISTER")) {{
        sl_send_reply("405", "Method Not Allowed");
        exit;
    }}
    # Of a request with routes the first is ours; where another one follows, it is forwarded there, without a state.
    if (loose_route() && $du != $null) {{
        forward();
        exit;
    }}
{redirection}    # Any user, one password. Credentials of another realm do not count: challenged like none.
    if (!pv_www_authenticate("{realm}", "{password}", "0")) {{
        # -4: the nonce is too old (the password was not looked at). 1 offers qop=auth, 16 adds stale=true.
        if ($rc == -4) www_challenge("{realm}", "{stale_flags}");
        else www_challenge("{realm}", "1");
        exit;
    }}
    # save() answers by itself, with 423 or 503 too.
    save("location");
    exit;
}}
{web_socket_route}
"""
)


OUTBOUND_MODULE = """\
loadmodule "stun.so"
loadmodule "outbound.so"
modparam("registrar", "outbound_mode", 1)
modparam("registrar", "flow_timer", {flow_timer})
"""
"""Flows of RFC 5626, with their keep-alives: CRLF over connections, STUN over UDP."""


REDIRECTION = """\
    append_to_reply("Contact: <sip:{place}>\\r\\n");
    sl_send_reply("302", "Moved Temporarily");
    exit;
"""


@dataclass(frozen=True, slots=True)
class Binding:
    """One contact of an AOR, as Kamailio holds it.

    `q` is None when none was given. `expires` is what remains, in seconds. `received` is "" unless Kamailio was told
    to note the source of the request. `instance` and `reg_id` are those of RFC 5626, "" and 0 without.
    """

    uri: str
    q: float | None
    expires: int
    received: str
    call_id: str
    cseq: int
    user_agent: str
    instance: str = ""
    reg_id: int = 0


class Kamailio:
    """A context manager; also `start` and `stop` by hand. It can be started again after `stop`."""

    def __init__(
        self,
        *,
        port: int = 0,
        realm: str = "sip.test",
        password: str = "secret",
        algorithm: str = "MD5",
        min_expires: int = 0,
        max_expires: int = 0,
        max_contacts: int = 0,
        nonce_expire: int = 300,
        one_time_nonce: bool = False,
        says_stale: bool = True,
        redirects_to: str = "",
        workers: int = 2,
        contacts: int = 20_000,
        has_tcp: bool = False,
        tls: Files | None = None,
        trusts: Path | None = None,
        has_ipv6: bool = False,
        flow_timer: int = 0,
        host: str = "127.0.0.1",
        namespace: str = "",
        web_socket_path: str = "",
    ) -> None:
        """Take `port` 0 for a free one, `min_expires` and `max_expires` 0 for no limit.

        Debian's Kamailio 5.6 knows the algorithms MD5 and SHA-256. A shorter expiry than `min_expires` is answered
        with 423, a longer one than `max_expires` is cut, a contact beyond `max_contacts` is answered with 503. Without
        `says_stale` a nonce that is too old is answered with a new one and no word why, as Kamailio's sample
        configuration does. `redirects_to` (host:port) has it send every REGISTER there, with a 302.
        There is room for so many `contacts`. `has_tcp` has it listen over TCP at its port, too; `tls` is what it shows over
        TLS, at `tls_port`, where clients have to show a certificate of the authority that it `trusts`, if any. `has_ipv6` has it
        listen on ::1 as well. With a `flow_timer` (seconds) it keeps flows, and wants to hear of each within that time. With a
        `web_socket_path` there are WebSockets at that path of its TCP and TLS ports. It runs in the network `namespace` of that
        name, if any, at its `host`.
        """
        for text in (realm, password, redirects_to, web_socket_path):
            # Both stand between quotes in the configuration, where `$` begins a pseudo-variable.
            assert not set(text) & set('"\\$\r\n'), f"not for kamailio.cfg: {text!r}"
        self.realm = realm
        self.password = password
        self.host = host
        self._prefix = ["ip", "netns", "exec", namespace] if namespace else []
        self.port = port
        self._has_fixed_port = port != 0
        self._settings = {
            "realm": realm,
            "password": password,
            "algorithm": algorithm,
            "min_expires": min_expires,
            "max_expires": max_expires,
            "nonce_expire": nonce_expire,
            "one_time_nonce": int(one_time_nonce),
            "max_contacts": max_contacts,
            "stale_flags": 17 if says_stale else 1,
            "redirection": REDIRECTION.format(place=redirects_to) if redirects_to else "",
            "workers": workers,
            "outbound_module": OUTBOUND_MODULE.format(flow_timer=flow_timer) if flow_timer else "",
            "web_socket_modules": WEB_SOCKET_MODULES if web_socket_path else "",
            "web_socket_route": WEB_SOCKET_ROUTE.format(path=web_socket_path) if web_socket_path else "",
            "hash_size": max(10, contacts.bit_length() - 2),
        }
        self._has_tcp = has_tcp or tls is not None or web_socket_path != ""
        self._has_web_sockets = web_socket_path != ""
        self._tls = tls
        self._trusts = trusts
        self._has_ipv6 = has_ipv6
        self.tls_port = 0
        self._megabytes = max(64, contacts * BYTES_PER_CONTACT // 1_000_000)
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._calls = 0

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start it and return when it answers SIP and RPC; AssertionError with its log when it does not."""
        assert self._process is None, "Kamailio runs already"
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="kamailio-"))
        tries = 1 if self._has_fixed_port else START_TRIES
        for left in reversed(range(tries)):
            try:
                self._start_once()
            except AssertionError:
                self.stop()
                if not left:
                    raise
                self.port = 0
            else:
                return

    def stop(self) -> None:
        """End it as an operator would, and its workers with it. Nothing happens when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_SECONDS)

    def restart(self) -> None:
        """Stop and start it at the same port: all bindings, nonces and counters are gone."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def dump(self) -> dict[str, list[Binding]]:
        """Return what is bound now: AOR (`user@domain`) to contacts. An AOR without any is absent."""
        found: dict[str, list[Binding]] = {}
        for domain in self.rpc("ul.dump").get("Domains", []):
            for aor in domain["Domain"]["AoRs"]:
                bindings = [_binding(contact["Contact"]) for contact in aor["Info"]["Contacts"]]
                # Lapsed contacts stay in the table until a timer comes by.
                if live := [binding for binding in bindings if binding.expires > 0]:
                    found[aor["Info"]["AoR"]] = live
        return found

    def count(self) -> int:
        """Return the number of contacts, without the cost of a dump."""
        return self.statistic("usrloc:location_contacts")

    def requests(self) -> int:
        """Return how many REGISTERs came in since it started: first ones, answers to challenges, retransmissions."""
        return self.statistic("core:rcv_requests_register")

    def statistic(self, name: str) -> int:
        """Return one counter by its `group:name`, such as `registrar:accepted_regs`."""
        answer = self.rpc("stats.fetchn", name.partition(":")[2])
        return int(answer[name.replace(":", ".")])

    def rpc(self, method: str, *parameters: str | int) -> Any:
        """Call a command of Kamailio's and return its result; AssertionError with what it says when it refuses."""
        assert self._folder is not None, "Kamailio was not started"
        self._calls += 1
        reply_path = self._folder / f"reply-{self._calls}"
        os.mkfifo(reply_path, 0o600)
        reply_fd = os.open(reply_path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            call = {"jsonrpc": "2.0", "method": method, "params": parameters, "id": 1, "reply_name": reply_path.name}
            request_fd = os.open(self._folder / "rpc", os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(request_fd, json.dumps(call).encode() + b"\n")
            finally:
                os.close(request_fd)
            answer = json.loads(_read_to_end(reply_fd, RPC_SECONDS))
        finally:
            os.close(reply_fd)
            reply_path.unlink(missing_ok=True)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def log(self) -> str:
        """Return what it wrote to its standard error."""
        assert self._folder is not None, "Kamailio was not started"
        return (self._folder / "log").read_text(errors="replace")

    def _start_once(self) -> None:
        assert self._folder is not None
        self.port = self.port or free_port()
        configuration = self._folder / "kamailio.cfg"
        streams, tls_module = UDP_ALONE, ""
        if self._has_tcp:
            streams = STREAMS.format(port=self.port) + (WEB_SOCKETS if self._has_web_sockets else "")
        if self._has_ipv6:
            streams += IPV6.format(port=self.port)
            streams += IPV6_TCP.format(port=self.port) if self._has_tcp else ""
        if self._tls is not None:
            self.tls_port = self.tls_port or free_port()
            streams += TLS.format(tls_port=self.tls_port)
            tls_module = TLS_MODULE.format(
                key=self._tls.key, certificate=self._tls.certificate, asks=int(self._trusts is not None),
                trusts=self._trusts or "",
            )  # fmt: skip
        configuration.write_text(CONFIGURATION.format(
            host=self.host, port=self.port, folder=self._folder, streams=streams, tls_module=tls_module, **self._settings
        ))  # fmt: skip
        folder = str(self._folder)
        command = [str(EXECUTABLE), "-DD", "-E", "-m", str(self._megabytes), "-M", "32", "-Y", folder, "-w", folder]
        with open(self._folder / "log", "wb") as log:
            # A session of its own: Ctrl-C at the terminal is for the tests, which then stop it in order, and its
            # workers can be ended with it.
            self._process = subprocess.Popen(
                [*self._prefix, *command, "-f", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not (self._answers_options() and self._answers_rpc()):
            assert self._process.poll() is None, f"Kamailio ended:\n{self.log()}"
            assert time.monotonic() < deadline, f"Kamailio does not answer:\n{self.log()}"

    def _answers_options(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(PROBE_SECONDS)
            probe.connect((self.host, self.port))
            own_port = probe.getsockname()[1]
            request = (
                f"OPTIONS sip:{self.host}:{self.port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {self.host}:{own_port};branch=z9hG4bKprobe{time.monotonic_ns()};rport\r\n"
                f"From: <sip:probe@{self.host}>;tag=probe\r\nTo: <sip:{self.host}>\r\n"
                f"Call-ID: probe-{time.monotonic_ns()}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
                "Content-Length: 0\r\n\r\n"
            )
            try:
                probe.send(request.encode())
                return probe.recv(65535).startswith(b"SIP/2.0 200 ")
            except ConnectionRefusedError:
                # Nothing listens yet. The pause keeps the loop from spinning, and ends early when Kamailio does.
                assert self._process is not None
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(PROBE_SECONDS / 5)
                return False
            except TimeoutError:
                return False

    def _answers_rpc(self) -> bool:
        try:
            return bool(self.rpc("core.version"))
        except OSError:
            return False


def _binding(contact: dict[str, Any]) -> Binding:
    # q is -1 where the REGISTER gave none; expires is a word ("expired", "deleted") where nothing is left.
    q = float(contact["Q"])
    expires = contact["Expires"]
    received = contact["Received"]
    return Binding(
        uri=contact["Address"],
        q=q if q >= 0 else None,
        expires=expires if isinstance(expires, int) else 0,
        received="" if received == "[not set]" else received,
        call_id=contact["Call-ID"],
        cseq=contact["CSeq"],
        user_agent=contact["User-Agent"],
        instance=contact.get("Instance", ""),
        reg_id=int(contact.get("Reg-Id", 0)),
    )


def _read_to_end(fd: int, seconds: float) -> bytes:
    """Read from a pipe until its writer closes it. Before a writer came, `poll` reports nothing at all."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    deadline = time.monotonic() + seconds
    chunks: list[bytes] = []
    while True:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError("Kamailio did not answer its RPC")
        try:
            chunk = os.read(fd, 65536)
        except BlockingIOError:
            continue
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
