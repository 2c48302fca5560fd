"""Questions to name servers, over dnspython: those that the operator names, else those of the machine."""

from __future__ import annotations

from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver

from .names import NOTHING_SECONDS, Answer, Pointer, Service

__all__ = ["LONGEST_QUESTION_SECONDS", "Questions"]

LONGEST_QUESTION_SECONDS = 10.0


class Questions:
    """Asks; see `engine.names.Names`."""

    def __init__(self, servers: Sequence[tuple[str, int]]) -> None:
        """`servers` are addresses and ports; none for those of the machine, with its search list."""
        self._servers = servers
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def ask(self, name: str, kind: str) -> Answer:
        """Raises `OSError` with the reason where nobody can tell."""
        try:
            answer = await self._made().resolve(
                name, kind, lifetime=LONGEST_QUESTION_SECONDS, raise_on_no_answer=False, search=not self._servers
            )
        except dns.resolver.NXDOMAIN:
            return Answer([], NOTHING_SECONDS)
        except dns.exception.Timeout:
            raise OSError(0, f"no answer of the name server within {LONGEST_QUESTION_SECONDS:g} s") from None
        except dns.resolver.NoNameservers:
            raise OSError(0, "the name servers failed") from None
        except dns.resolver.NoResolverConfiguration:
            raise OSError(0, "no name server is known: name one by --dns") from None
        except (dns.exception.DNSException, UnicodeError):
            raise OSError(0, "not a host name") from None
        if answer.rrset is None:
            return Answer([], NOTHING_SECONDS)
        if kind == "SRV":
            # A target of "." says that the service is not there (RFC 2782).
            services = [Service(one.priority, one.weight, one.port, str(one.target).rstrip(".")) for one in answer]
            return Answer(services, answer.rrset.ttl)
        if kind == "NAPTR":
            pointers = [
                Pointer(one.order, one.preference, _lower(one.flags), _lower(one.service), _lower(one.regexp),
                        str(one.replacement).rstrip("."))
                for one in answer
            ]  # fmt: skip
            return Answer(pointers, answer.rrset.ttl)
        return Answer([one.address for one in answer], answer.rrset.ttl)

    def _made(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            resolver = dns.asyncresolver.Resolver(configure=not self._servers)
            if self._servers:
                resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in self._servers]
            self._resolver = resolver
        return self._resolver


def _lower(text: bytes) -> str:
    """Return a character-string in lower case; it may hold any bytes."""
    return text.decode("ascii", "backslashreplace").lower()
