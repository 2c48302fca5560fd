"""Answering the challenges of one attempt: whose credentials, how often, and what the next attempt may send ahead.

One answer for each challenge. One more where the nonce was stale; and one with the second credential that fits, where the
first was refused: so a password can be rotated while both are there. Of several challenges the strongest is answered that
the credential can answer: one that is an HA1 is of one algorithm. RFC 3261 §22, RFC 7616; the digest itself is in
`digest.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import UnusableChallenge
from .digest import Challenge, authorization, choose, parse_authentication_info, parse_challenges, strength
from .message import Response
from .uri import parse_uri

__all__ = ["Authenticator", "Credential"]

# The first that fits, and a second for a rotation. A third wrong password would be one more towards a lock.
MOST_CANDIDATES = 2

Place = tuple[bool, str]
"""Where a challenge is from: whether of a proxy, and its realm."""


@dataclass(slots=True, repr=False)
class Credential:
    """One user name and password for a realm ("" for any). Has no representation: it ends up in no log.

    `id` tells it from others of the same user. `ha1_of` is the algorithm ("MD5") of which `password` is the HA1 in lower case,
    "" where it is the password.
    """

    realm: str
    username: str
    password: str
    id: str = ""
    ha1_of: str = ""

    def can_answer(self, challenge: Challenge) -> bool:
        """Tell whether a challenge is of its algorithm, where it is of one; with and without `-sess` it is the same HA1."""
        return not self.ha1_of or self.ha1_of == challenge.algorithm


@dataclass(slots=True)
class _Answer:
    """A challenge that the requests of this attempt answer, and with whom."""

    challenge: Challenge
    credential: Credential
    nonce_count: int = 0


@dataclass(slots=True)
class _Tried:
    """What was tried for a realm within this attempt: how many credentials, and a stale nonce with the last."""

    candidates: int = 0
    had_stale: bool = False

    def turn(self, challenge: Challenge) -> int:
        """Return the place of the candidate whose turn it is: after a stale nonce, once, the same again."""
        return self.candidates - 1 if self.candidates and challenge.stale and not self.had_stale else self.candidates


NOTHING_TRIED = _Tried()


class Authenticator:
    """The credentials of one attempt, and the challenges that it answers with them."""

    def __init__(self, credentials: Sequence[Credential], ahead: Challenge | None = None, nonce_count: int = 0,
                 preferred: str = "", least: Mapping[str, int] | None = None) -> None:  # fmt: skip
        """`ahead` is a challenge of before, to be answered unasked, and `nonce_count` how often its nonce was used.

        `preferred` is the id of the credential that worked last; `least` the strength below which a realm's challenges are
        not answered.
        """
        self._credentials = credentials
        self._has_ha1 = credentials[0].ha1_of != "" if len(credentials) == 1 else any([c.ha1_of for c in credentials])
        self._preferred = preferred
        self._least = least or {}
        self._answers: dict[Place, _Answer] = {}
        self._tried: dict[Place, _Tried] = {}
        self._ahead: Place | None = None
        self._is_ahead_refused = False
        self.are_credentials_refused = False
        if ahead is not None and (candidates := self._candidates(ahead, (ahead,))):
            self._ahead = (ahead.is_proxy, ahead.realm)
            self._answers[self._ahead] = _Answer(ahead, candidates[0], nonce_count)

    def lines(self, method: str, uri: str, make_cnonce: Callable[[], str]) -> str:
        """Return the header lines that answer all challenges so far; each use of a nonce counts."""
        lines = ""
        for answer in self._answers.values():
            answer.nonce_count += 1
            credential = answer.credential
            name, value = authorization(answer.challenge, credential.username, credential.password, method, uri,
                                        answer.nonce_count, make_cnonce(), b"", credential.ha1_of != "")  # fmt: skip
            lines += f"{name}: {value}\r\n"
        return lines

    def take(self, response: Response, from_uri: str) -> str:
        """Take the challenges of a 401 or 407. Return "" where a request may answer them, else why none may.

        `from_uri` is for the reason, which names its user.
        """
        code = response.status_code
        # Whatever was sent ahead was not taken: a nonce that has run out, never a wrong password.
        self._is_ahead_refused = self._is_ahead_refused or not self._tried
        offered = parse_challenges(response)
        try:
            challenges = choose(self._for_whom_it_is(offered) if self._has_ha1 else offered, self._least)
        except UnusableChallenge as error:
            return f"{code}: {error}"
        self._drop_what_was_ahead(challenges)
        can_go_on = False
        for challenge in challenges:
            place = (challenge.is_proxy, challenge.realm)
            candidates = self._candidates(challenge, offered)
            if not candidates:
                continue
            credential = self._next_candidate(place, challenge, candidates)
            if credential is None:
                self.are_credentials_refused = True
                return f"{code}: user {candidates[0].username!r} was refused for realm {challenge.realm!r}"
            self._answers[place] = _Answer(challenge, credential)
            can_go_on = True
        return "" if can_go_on else f"{code}: {self._why_nobody(offered, challenges, from_uri)}"

    def _why_nobody(self, offered: Sequence[Challenge], challenges: Sequence[Challenge], from_uri: str) -> str:
        for realm in dict.fromkeys(challenge.realm for challenge in challenges):
            if fit := self._that_fit(realm):
                wanted = " or ".join(dict.fromkeys(c.algorithm for c in offered if c.realm == realm))
                has = " and ".join(f"the HA1 of user {c.username!r} is of {c.ha1_of}" for c in fit[:MOST_CANDIDATES])
                return f"realm {realm!r} asks for {wanted}, but {has}"
        realms = ", ".join(repr(challenge.realm) for challenge in challenges)
        return f"no credential for user {parse_uri(from_uri).user!r} and realm {realms}"

    def _for_whom_it_is(self, offered: Sequence[Challenge]) -> Sequence[Challenge]:
        """Leave out what the credential whose turn it is cannot answer."""
        left = []
        for challenge in offered:
            candidates = self._candidates(challenge, offered)
            turn = self._tried.get((challenge.is_proxy, challenge.realm), NOTHING_TRIED).turn(challenge)
            if turn >= len(candidates) or candidates[turn].can_answer(challenge):
                left.append(challenge)
        return left

    def _drop_what_was_ahead(self, challenges: Sequence[Challenge]) -> None:
        """Send no more what was sent unasked, where another realm asks in its place: who reads the first of two lines
        would go on refusing it.
        """
        if self._ahead is None or self._tried:
            return
        realms = {challenge.realm for challenge in challenges if challenge.is_proxy == self._ahead[0]}
        if realms and self._ahead[1] not in realms:
            self._answers.pop(self._ahead, None)

    def to_send_ahead(self, response: Response) -> tuple[str | None, int]:
        """Return the challenge that the next refresh answers unasked, and how often its nonce was used."""
        answer = self._of_registrar()
        if answer is None:
            return None, 0
        value = response.first("authentication-info")
        next_nonce = parse_authentication_info(value) if value is not None else None
        if next_nonce:
            return answer.challenge.with_nonce(next_nonce).encode(), 0
        return answer.challenge.encode(), answer.nonce_count

    @property
    def was_ahead_accepted(self) -> bool | None:
        """Whether a final answer took what was sent ahead; None where nothing was."""
        return None if self._ahead is None else not self._is_ahead_refused

    @property
    def ahead_count(self) -> int | None:
        """How often the nonce that was sent ahead is used by now; None where none was, or another stands in for it.

        Where no answer came nobody knows whether the registrar has seen this count: it is used up (RFC 7616 §3.4).
        """
        answer = self._answers.get(self._ahead) if self._ahead is not None else None
        return None if answer is None else answer.nonce_count

    @property
    def credential(self) -> str:
        """The id of the credential that was used, where it is not the first that fits; else ""."""
        answer = self._of_registrar()
        if answer is None or answer.credential is self._that_fit(answer.challenge.realm)[0]:
            return ""
        return answer.credential.id

    @property
    def security(self) -> tuple[str, int] | None:
        """The realm and the strength of the algorithm that was used; None where there was no challenge."""
        answer = self._of_registrar()
        return None if answer is None else (answer.challenge.realm, strength(answer.challenge))

    def _of_registrar(self) -> _Answer | None:
        """Return the answer to the registrar's own challenge, else that to a proxy's."""
        found = None
        for answer in self._answers.values():
            if not answer.challenge.is_proxy:
                return answer
            found = found or answer
        return found

    def _that_fit(self, realm: str) -> Sequence[Credential]:
        """Return the credentials of a realm before those of any, in their order of use."""
        if len(self._credentials) == 1:
            return self._credentials if self._credentials[0].realm in (realm, "") else ()
        return [c for wanted in (realm, "") for c in self._credentials if c.realm == wanted]

    def _candidates(self, challenge: Challenge, offered: Sequence[Challenge]) -> Sequence[Credential]:
        """Return the credentials to be tried for the realm of a challenge, the one that worked last before the others; those
        that can answer none of what is `offered` for it are left out.
        """
        fit = self._that_fit(challenge.realm)
        if self._preferred:
            fit = sorted(fit, key=lambda credential: credential.id != self._preferred)
        if self._has_ha1:
            alike = [o for o in offered if (o.realm, o.is_proxy) == (challenge.realm, challenge.is_proxy)]
            fit = [credential for credential in fit if any(map(credential.can_answer, alike))]
        return fit[:MOST_CANDIDATES]

    def _next_candidate(
        self, place: Place, challenge: Challenge, candidates: Sequence[Credential]
    ) -> Credential | None:
        tried = self._tried.get(place)
        if tried is None:
            # Nearly always.
            self._tried[place] = _Tried(1)
            return candidates[0]
        turn = tried.turn(challenge)
        if turn < tried.candidates:
            tried.had_stale = True
        elif turn < len(candidates):
            tried.candidates += 1
        else:
            return None
        return candidates[turn]
