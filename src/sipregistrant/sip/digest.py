"""Digest authentication: challenges read, chosen among and answered; and the registrar's side, for the sandbox.

    challenges = choose(parse_challenges(response))        of a 401 or 407
    name, value = authorization(challenges[0], username=…, password=…, method=…, uri=…, nonce_count=1, cnonce=…)

MD5, SHA-256 and SHA-512-256, each with and without `-sess`; qop auth, auth-int, and none (the form of RFC 2069, which
RFC 3261 §22.4 keeps). Texts of a peer are hashed and sent back as the bytes that came.
RFC 7616, RFC 8760, RFC 3261 §22.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from ..errors import SipParseError, UnusableChallenge
from .auth_params import parse_auth_param_list, parse_auth_params
from .lexical import quote
from .message import Response

__all__ = [
    "Challenge",
    "authorization",
    "choose",
    "parse_authentication_info",
    "parse_challenges",
    "strength",
    "verify",
]

# Characters. Nonces of some kilobytes exist (signed tickets); they go into each request and into the database.
MAX_REALM_CHARS = 512
MAX_NONCE_CHARS = 4096
MAX_OPAQUE_CHARS = 1024
MAX_QOP_CHARS = 128

# RFC 7616 §3.4: 8 hexadecimal digits.
MAX_NONCE_COUNT = 0xFFFFFFFF

# Of challenges but for their nonce, and of what is hashed for all users alike.
MOST_REMEMBERED = 256

Hash = Callable[[str], str]


def _hash_named(name: str) -> Hash:
    def digest(text: str) -> str:
        return hashlib.new(name, text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()

    return digest


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


# From weak to strong. SHA-512-256 is there as far as the OpenSSL beneath Python has it.
_HASHES: dict[str, Hash] = {"MD5": _md5, "SHA-256": _sha256}
if "sha512_256" in hashlib.algorithms_available:
    _HASHES["SHA-512-256"] = _hash_named("sha512_256")

_STRENGTHS = {name: number for number, name in enumerate(_HASHES)}

# As the parameter `algorithm` has them, in lower case: the hash, and whether it is for a session.
_ALGORITHMS = {name.lower(): (name, False) for name in _HASHES} | {f"{n.lower()}-sess": (n, True) for n in _HASHES}

_is_nonce_count = re.compile("[0-9a-fA-F]{8}").fullmatch


class Challenge(NamedTuple):
    """A challenge that can be answered. `qop` is the one that is used: "", "auth" or "auth-int"."""

    realm: str
    nonce: str
    opaque: str | None
    algorithm: str
    """MD5, SHA-256 or SHA-512-256, written so."""
    sess: bool
    qop: str
    stale: bool
    is_proxy: bool
    names_algorithm: bool = True
    """Without it MD5 is meant, and some registrars stumble over an algorithm that they did not name."""

    def with_nonce(self, nonce: str) -> Challenge:
        """Return the challenge that a `nextnonce` stands for (RFC 7616 §3.5)."""
        return self._replace(nonce=nonce, stale=False)

    def encode(self) -> str:
        """Return a compact text for one column; any database takes it, even where the peer sent what is no UTF-8."""
        realm, nonce, opaque, algorithm, sess, qop, stale, is_proxy, names_algorithm = self
        flags = (
            ("p" if is_proxy else "")
            + ("s" if sess else "")
            + ("t" if stale else "")
            + ("n" if names_algorithm else "")
        )
        text = f"{flags}\n{algorithm}\n{qop}\n{realm}\n{nonce}"
        if opaque is not None:
            text = f"{text}\n{opaque}"
        if text.count("\n") != (4 if opaque is None else 5):
            raise UnusableChallenge(self.realm, "a line end in a challenge")
        if text.isascii():
            return text
        # One character for each byte: the lone surrogates that stand for the peer's bytes cannot be stored.
        return text.encode("utf-8", "surrogateescape").decode("latin-1")

    @classmethod
    def decode(cls, text: str) -> Challenge:
        """Return what `encode` was called on."""
        if not text.isascii():
            text = text.encode("latin-1").decode("utf-8", "surrogateescape")
        flags, algorithm, qop, realm, nonce, *opaque = text.split("\n")
        return cls(
            realm,
            nonce,
            opaque[0] if opaque else None,
            algorithm,
            "s" in flags,
            qop,
            "t" in flags,
            "p" in flags,
            "n" in flags,
        )


def parse_challenges(response: Response) -> list[Challenge]:
    """Return the challenges that can be answered, in their order, the registrar's own before those of proxies; the
    malformed, too long and unknown are left out.
    """
    found = []
    for name in ("www-authenticate", "proxy-authenticate"):
        for value in response.all(name):
            try:
                challenge = _parse_challenge(value, is_proxy=name == "proxy-authenticate")
            except SipParseError:
                continue
            if challenge is not None:
                found.append(challenge)
    return found


def choose(challenges: Sequence[Challenge], least: Mapping[str, int] | None = None) -> Sequence[Challenge]:
    """Return the one to answer of each realm, origin and proxy apart: the strongest, the first of equals.

    RFC 8760 §2.4 would have the topmost that is supported: then who can put one line into a response chooses MD5. `least`
    has the strength that a realm has shown before: who takes the stronger lines out of a response gets no answer either.
    """
    if len(challenges) == 1 and not least:
        return challenges
    best: dict[tuple[bool, str], Challenge] = {}
    for challenge in challenges:
        place = (challenge.is_proxy, challenge.realm)
        known = best.get(place)
        if known is None or strength(challenge) > strength(known):
            best[place] = challenge
    if not best:
        raise UnusableChallenge("", "no digest challenge with an algorithm and a qop that we know")
    for challenge in best.values():
        if least and strength(challenge) < least.get(challenge.realm, 0):
            wanted = list(_HASHES)[least[challenge.realm]]
            raise UnusableChallenge(challenge.realm, f"{challenge.algorithm}, where {wanted} was used before; "
                                    "action forget-security allows it")  # fmt: skip
    return list(best.values())


def authorization(
    challenge: Challenge,
    username: str,
    password: str,
    method: str,
    uri: str,
    nonce_count: int,
    cnonce: str,
    body: bytes = b"",
    is_ha1: bool = False,
) -> tuple[str, str]:
    """Return the name and the value of the header that answers a challenge.

    `uri` is the Request-URI, `nonce_count` 1 for the first request with this nonce; without qop it and `cnonce` are not
    used. `is_ha1`: the `password` is the HA1 already, of the algorithm of this challenge (RFC 7616 §3.4.2).
    """
    digest = _HASHES.get(challenge.algorithm)
    if digest is None:
        raise UnusableChallenge(challenge.realm, f"{challenge.algorithm} is not available here")
    if not 0 < nonce_count <= MAX_NONCE_COUNT:
        raise UnusableChallenge(challenge.realm, f"nonce count {nonce_count} has no 8 hexadecimal digits")
    if challenge.qop not in ("", "auth", "auth-int") or (challenge.sess and not challenge.qop):
        raise UnusableChallenge(challenge.realm, f"qop {challenge.qop!r} cannot be answered")
    count = f"{nonce_count:08x}"
    realm, nonce = challenge.realm, challenge.nonce
    response = _response(digest, username, password, realm, nonce, challenge.sess, challenge.qop, method, uri, count,
                         cnonce, body, is_ha1)  # fmt: skip
    named = challenge.algorithm if challenge.names_algorithm else ""
    quoted_realm, quoted_uri, rest = _rendered(realm, uri, named, challenge.sess, challenge.opaque, challenge.qop)
    value = (
        f"Digest username={quote(username)}, realm={quoted_realm}, nonce={quote(nonce)}, uri={quoted_uri}, "
        f'response="{response}"{rest}'
    )
    if challenge.qop:
        value += f", nc={count}, cnonce={quote(cnonce)}"
    return "Proxy-Authorization" if challenge.is_proxy else "Authorization", value


@lru_cache(MOST_REMEMBERED)
def _rendered(realm: str, uri: str, algorithm: str, sess: bool, opaque: str | None, qop: str) -> tuple[str, str, str]:
    """Return what the answers of all users of a registrar share: the realm and the URI in quotes, and what stands behind
    the response.
    """
    rest = f", algorithm={algorithm}{'-sess' if sess else ''}" if algorithm else ""
    rest += "" if opaque is None else f", opaque={quote(opaque)}"
    rest += f", qop={qop}" if qop else ""
    return quote(realm), quote(uri), rest


def parse_authentication_info(value: str) -> str | None:
    """Return the nonce to use from now on, None where an Authentication-Info names none that can be used."""
    try:
        nonce = parse_auth_param_list(value).get("nextnonce", "")
    except SipParseError:
        return None
    return nonce if 0 < len(nonce) <= MAX_NONCE_CHARS else None


def verify(params: Mapping[str, str], *, password: str, method: str, body: bytes = b"") -> bool:
    """Tell whether credentials were made with this password.

    That the nonce is one of ours, the count a new one and the URI that of the request is for the caller to know.
    """
    digest_name, sess = _ALGORITHMS.get(params.get("algorithm", "MD5").lower(), ("", False))
    digest = _HASHES.get(digest_name)
    qop = params.get("qop", "").lower()
    count, cnonce = params.get("nc", ""), params.get("cnonce", "")
    if digest is None or any(name not in params for name in ("username", "realm", "nonce", "uri", "response")):
        return False
    if qop not in ("", "auth", "auth-int") or (qop and not (cnonce and _is_nonce_count(count))) or (sess and not qop):
        return False
    wanted = _response(digest, params["username"], password, params["realm"], params["nonce"], sess, qop, method,
                       params["uri"], count, cnonce, body)  # fmt: skip
    given = params["response"].lower().encode("utf-8", "surrogateescape")
    return hmac.compare_digest(given, wanted.encode())


def _parse_challenge(value: str, *, is_proxy: bool) -> Challenge | None:
    """Read a challenge. Those of one registrar differ by their nonce alone: what stands around it is read once."""
    before, found, rest = value.partition(' nonce="')
    nonce, closed, behind = rest.partition('"')
    if not (found and nonce and closed) or "\\" in nonce or len(nonce) > MAX_NONCE_CHARS:
        return _read_challenge(value, is_proxy)
    challenge = _read_around(before, behind, is_proxy)
    return None if challenge is None else Challenge(challenge.realm, nonce, *challenge[2:])


@lru_cache(MOST_REMEMBERED)
def _read_around(before: str, after: str, is_proxy: bool) -> Challenge | None:
    return _read_challenge(f'{before} nonce="nonce"{after}', is_proxy)


def _read_challenge(value: str, is_proxy: bool) -> Challenge | None:
    scheme, params = parse_auth_params(value)
    if scheme != "digest":
        return None
    realm, nonce, opaque = params.get("realm"), params.get("nonce"), params.get("opaque")
    if realm is None or not nonce or len(realm) > MAX_REALM_CHARS or len(nonce) > MAX_NONCE_CHARS:
        return None
    if opaque is not None and len(opaque) > MAX_OPAQUE_CHARS:
        return None
    named = params.get("algorithm")
    algorithm = _ALGORITHMS.get("md5" if named is None else named.lower())
    qop = _choose_qop(params.get("qop"))
    if algorithm is None or qop is None:
        return None
    name, sess = algorithm
    # The session key is made with the cnonce, which is not sent without qop (RFC 7616 §3.4).
    if sess and not qop:
        return None
    stale = params.get("stale", "").lower() == "true"
    return Challenge(realm, nonce, opaque, name, sess, qop, stale, is_proxy, named is not None)


def strength(challenge: Challenge) -> int:
    """Return how strong the algorithm is: 0 MD5, 1 SHA-256, 2 SHA-512-256."""
    return _STRENGTHS.get(challenge.algorithm, -1)


def _choose_qop(offered: str | None) -> str | None:
    """Return the qop to use, "" where none is offered, None where we know none of those that are."""
    if offered is None:
        return ""
    if len(offered) > MAX_QOP_CHARS:
        return None
    known = [option.strip(" \t").lower() for option in offered.split(",")]
    if "auth" in known:
        return "auth"
    if "auth-int" in known:
        return "auth-int"
    # qop="" is no offer at all.
    return None if any(known) else ""


def _response(digest: Hash, username: str, password: str, realm: str, nonce: str, sess: bool, qop: str, method: str,
              uri: str, count: str, cnonce: str, body: bytes, is_ha1: bool = False) -> str:  # fmt: skip
    """RFC 7616 §3.4.1 to §3.4.3; without qop the form of RFC 2069."""
    ha1 = password if is_ha1 else _hash_of_user(digest, username, realm, password)
    if sess:
        ha1 = digest(f"{ha1}:{nonce}:{cnonce}")
    if qop == "auth-int":
        ha2 = digest(f"{method}:{uri}:{digest(body.decode('utf-8', 'surrogateescape'))}")
    else:
        ha2 = _hash_of_request(digest, method, uri)
    if not qop:
        return digest(f"{ha1}:{nonce}:{ha2}")
    return digest(f"{ha1}:{nonce}:{count}:{cnonce}:{qop}:{ha2}")


@lru_cache(MOST_REMEMBERED)
def _hash_of_user(digest: Hash, username: str, realm: str, password: str) -> str:
    """Return H(A1), which all AORs of a trunk share."""
    return digest(f"{username}:{realm}:{password}")


@lru_cache(MOST_REMEMBERED)
def _hash_of_request(digest: Hash, method: str, uri: str) -> str:
    """Return H(A2), which all users of a registrar share."""
    return digest(f"{method}:{uri}")
