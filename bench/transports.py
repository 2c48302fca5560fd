"""Cold registrations over UDP, TCP, TLS and WebSockets, in turn: what does a connection cost?

    ./do bench-transports [--aors 20000] [--rounds 1] [--only udp,tcp,tls,ws] [--sockets 4] [--cut]

As `./do bench` has it: this service on one processor, Kamailio on the other, REGISTER, 401, REGISTER, 200 for each AOR,
settled on disk. TLS is 1.2 or later, with the registrar's certificate checked, over as many connections as `--sockets` says.
`--cut` starts the registrar anew at the end, which ends all connections and forgets all bindings, and measures until all
are registered again.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.certificates import Authority
from tests.ports import free_port
from tests.service import ServiceProcess

from bench.chain import attach, load
from bench.peer import REGISTRANT_PROCESSOR, Result, cost_of_a_start, pin, pinned_registrar, report, watch
from sipregistrant import __version__
from sipregistrant.store.store import Store

__all__ = ["main"]

PROTOCOLS = {"udp": 1, "tcp": 2, "tls": 4, "ws": 2}
PATH = "/ws"


def run(transport: str, aors: int, sockets: int, *, cut: bool) -> list[Result]:
    """Let this service register them over a transport; with `cut` twice."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = Authority(folder)
        tls = authority.issue("server", names=["sip.test"]) if transport == "tls" else None
        path = PATH if transport == "ws" else ""
        with pinned_registrar(aors, has_tcp=transport == "tcp", tls=tls, web_socket_path=path) as registrar:
            directory, sip_port, now = folder / "data", free_port(), int(time.time() * 1000)
            server: dict[str, int | str] = {
                "Protocol": PROTOCOLS[transport], "TransportSocket": sockets, "WebSocketPath": path,
            }  # fmt: skip
            if tls is not None:
                server |= {"Port": registrar.tls_port, "TLSProfileID": 1}
            Store.once(directory, lambda *saved: lambda: now, lambda tx: load(tx, registrar, aors, sip_port, **server))
            Store.once(directory, lambda *saved: lambda: now, attach)
            idle = cost_of_a_start(folder / "idle")
            with ServiceProcess(directory, sip_port, "--sip-trust", str(authority.files.certificate)) as service:
                pin([service.pid], REGISTRANT_PROCESSOR)
                found = [watch(transport, registrar, aors, lambda: [service.pid], idle)]
                if cut:
                    registrar.restart()
                    before = found[0].cpu
                    found.append(watch(f"{transport} again", registrar, aors, lambda: [service.pid], before))
                    found[1].cpu -= before
                    found[1].loading = 0.0
            return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it and print the table; the last line has the ratios."""
    parser = argparse.ArgumentParser(
        prog="./do bench-transports", description="Cold registrations over UDP, TCP, TLS and WebSockets."
    )
    parser.add_argument("--aors", type=int, default=20_000, metavar="N", help="how many (20000)")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="how often, in turn (1)")
    parser.add_argument("--only", default="udp,tcp,tls,ws", metavar="LIST", help="which transports (udp,tcp,tls,ws)")
    parser.add_argument("--sockets", type=int, default=4, metavar="N", help="connections, 1 to 4 (4)")
    parser.add_argument("--cut", action="store_true", help="cut the connections at the end, and register again")
    options = parser.parse_args(arguments)
    transports = options.only.split(",")
    if not set(transports) <= PROTOCOLS.keys():
        sys.exit("--only names udp, tcp, tls and ws")
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("Two processors are wanted: one for the registrant, one for the registrar.")
    print(f"{options.aors} AORs, {options.sockets} connections, sipregistrant {__version__}, Python "
          f"{platform.python_version()}, {os.cpu_count()} processors")  # fmt: skip
    results: list[Result] = []
    for _ in range(options.rounds):
        for transport in transports:
            results += run(transport, options.aors, options.sockets, cut=options.cut)
    print(report(results))
    micros = {one: statistics.median([r.micros for r in results if r.who == one]) for one in transports}
    if "udp" in micros and len(micros) > 1:
        ratios = [f"{one}/udp: {micros[one] / micros['udp']:.2f}" for one in transports if one != "udp"]
        print(", ".join(ratios))


if __name__ == "__main__":
    main()
