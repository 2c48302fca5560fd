"""What is no plain answer: challenges that could not be met, answers that do not do what they say, and with `ways.py` faults of
names, connections and TLS. Each is known by the reason that a row keeps; the first pattern that fits counts.

The sentences are made where the fault is found (sip/registration.py, sip/authentication.py, sip/digest.py, engine/transport,
engine/naming); a test holds that each of them is known here.
"""

from __future__ import annotations

from collections.abc import Sequence

from .cause import Cause, Heals
from .fault import WAY, Fault, fault
from .ways import NAMES_AND_WAYS

__all__ = ["FAULTS", "of_reason"]

CREDENTIALS: Sequence[Fault] = (
    fault(
        "credentials.refused",
        r"^40[17]: user '.*' was refused for realm ",
        "401: user 'alice' was refused for realm 'carrier.example'",
        "the password was refused",
        "The challenge was answered with the credential that fits, and the registrar asked again: user or password are wrong.",
        (
            "the password is wrong",
            "the user name for authentication is not that of the AOR",
            "the account is locked after too many attempts",
        ),
        (
            "enter the password again: `printf %s PASSWORD | sipregistrant credential set TABLE ID --password-stdin`; it is "
            "tried at once",
            "compare User of the credential with what the carrier calls the authentication user",
        ),
        Heals.NEVER,
    ),
    fault(
        "credentials.missing",
        r"^40[17]: no credential for user .* and realm ",
        "401: no credential for user 'bob' and realm 'carrier.example'",
        "there is no credential",
        "The registrar asks for a password, and no credential fits this user and this realm.",
        (
            "no credential was entered for this user",
            "Realm of the credential is not the one that the registrar names",
            "the server names another table of credentials, or none (RemoteAuthorizationTableID)",
        ),
        (
            "add one: `sipregistrant credential put TABLE ID user=… --password-stdin`, without realm for any, with "
            "from_uri_user_match=regex match_regex=.* for all users",
            "see RemoteAuthorizationTableID of the server",
        ),
        Heals.NEVER,
    ),
    fault(
        "credentials.other_algorithm",
        r"^40[17]: realm '.*' asks for .*, but the HA1 of user ",
        "401: realm 'carrier.example' asks for SHA-256, but the HA1 of user 'alice' is of MD5",
        "the HA1 is of another algorithm",
        "The credential is a digest of the password (HA1), and the registrar asks for another algorithm: nobody can compute "
        "that without the password.",
        ("the carrier has moved to a stronger algorithm",),
        ("enter the password itself, or the HA1 of the algorithm that is asked for",),
        Heals.NEVER,
    ),
    fault(
        "challenge.unknown",
        r"^40[17]: .*no digest challenge with an algorithm and a qop that we know",
        "401: no digest challenge with an algorithm and a qop that we know",
        "a challenge that cannot be answered",
        "The registrar asks for a kind of authentication that is not Digest with MD5, SHA-256 or SHA-512-256.",
        ("Bearer tokens, NTLM or AKA", "an answer without a challenge at all"),
        ("ask the carrier for an account with Digest authentication", "look at the challenge: `sipregistrant trace`"),
        Heals.NEVER,
    ),
    fault(
        "challenge.weaker",
        r"^40[17]: .*where .* was used before",
        "401: realm 'carrier.example': MD5, where SHA-256 was used before; weaker is refused",
        "a weaker algorithm than before",
        "The registrar has used a stronger algorithm within the last month, and now asks for a weaker one: that may be "
        "somebody in between, so it is not answered.",
        ("the carrier has gone back to an older software", "somebody on the way changes the challenge"),
        (
            "ask the carrier; if it is meant so, `forget-security` of the server (POST with action=forget-security) allows it "
            "at once, "
            "else it is forgotten 30 days after the stronger one was last seen",
        ),
        Heals.MAYBE,
    ),
    fault(
        "challenge.unavailable",
        r"^40[17]: .*(is not available here|cannot be answered|has no 8 hexadecimal digits)",
        "401: realm 'carrier.example': SHA-512-256 is not available here",
        "a challenge that this machine cannot answer",
        "The algorithm or the quality of protection that is asked for is not available here.",
        ("OpenSSL beneath Python lacks the algorithm",),
        ("see the version of OpenSSL on this machine",),
        Heals.NEVER,
    ),
    fault(
        "challenge.again",
        r"^40[17]: challenged again and again",
        "401: challenged again and again",
        "challenges without an end",
        "The registrar answers each request with another challenge, so it was left alone.",
        (
            "several machines behind one address that do not share their nonces",
            "its clock, by which nonces are too old at once",
        ),
        ("ask the carrier; it is tried again, more and more seldom",),
        Heals.MAYBE,
    ),
)

ANSWERS: Sequence[Fault] = (
    fault(
        "answer.moved",
        r"^3\d\d .*: moved to .*, where it is not followed",
        "302 Moved Temporarily: moved to <sip:r2.carrier.example>, where it is not followed",
        "a redirection that is not followed",
        "The registrar sends us to another place. It is not gone to unless you have said so: who can answer with a 302 could "
        "else register your AORs anywhere.",
        ("load is distributed by redirection", "somebody else answers in the registrar's place"),
        ("if the place is the carrier's own, allow it: `--follow-redirects-to HOST` of serve",),
        Heals.NEVER,
    ),
    fault(
        "answer.too_brief",
        r"^423: asked for ",
        "423: asked for 60 s, Min-Expires is missing",
        "the expiry is too short",
        "The registrar wants a longer expiry, and did not say one that could be used: none, one that is no longer than what "
        "was asked, or one of more than a day.",
        ("AorTtl is below what the registrar takes", "the registrar does not send Min-Expires"),
        ("raise AorTtl of the entry, and TTL of its contacts: 3,600 s is what most registrars take",),
        Heals.NEVER,
    ),
    fault(
        "accepted.without_contact",
        r"^200 without Contact$",
        "200 without Contact",
        "a 200 that lists no contact",
        "The registrar says OK, but does not list our contact, so nobody knows whether it is bound, and for how long.",
        (
            "the expiry was taken as 0",
            "a proxy or a filter removes Contact from answers",
            "the registrar does not follow RFC 3261 §10.3",
        ),
        (
            "if the registrar is known for it, set the contact match of its provider profile: `sipregistrant provider-profile "
            "list`",
            "look at the answer: `sipregistrant trace`",
        ),
        Heals.NEVER,
    ),
    fault(
        "accepted.without_ours",
        r"^200 without any contact of ours, but \d+ of others",
        "200 without any contact of ours, but 2 of others",
        "a 200 that lists others' contacts only",
        "The registrar says OK and lists contacts, but ours is not among them.",
        (
            "a NAT or a session border controller rewrites contacts",
            "the registrar allows fewer contacts for an AOR than there are, and keeps others",
        ),
        (
            "let contacts follow the address that the registrar sees: ContactAsSeen of the profile",
            "see what it holds: `sipregistrant bindings`; unregister what is not wanted there",
        ),
        Heals.NEVER,
    ),
    fault(
        "accepted.still_there",
        r"^200, but .* is still registered",
        "200, but sip:alice@192.0.2.7 is still registered",
        "an un-REGISTER that removed nothing",
        "The registrar says OK to the removal, and still lists the contact.",
        ("the registrar compares contacts in a way of its own", "a CSeq that it takes for an old one"),
        (
            "wait: it is tried again until the binding lapses by itself",
            "un-REGISTER with `*`: the provider profile's way to un-register",
        ),
        Heals.ITSELF,
    ),
    fault(
        "accepted.unreadable",
        r"^200 with a Contact that cannot be read",
        "200 with a Contact that cannot be read: no URI in 'x'",
        "a 200 that cannot be read",
        "The registrar says OK, with a Contact that is against the grammar.",
        ("a fault of the registrar",),
        ("look at the answer: `sipregistrant trace`, and tell the operator of the registrar",),
        Heals.NEVER,
    ),
    fault(
        "accepted.partly",
        r"^200 without sips?:",
        "200 without sip:alice@192.0.2.8:5060",
        "some contacts are missing",
        "It is registered, but the registrar has not taken all contacts.",
        ("the registrar allows fewer contacts for an AOR",),
        ("ask for a larger limit, or remove contacts from the entry",),
        Heals.NEVER,
    ),
    fault(
        "silence",
        r"^no answer from \S+ within ",
        "no answer from 192.0.2.1:5060 within 32 s",
        "no answer",
        "The REGISTER was sent, over UDP eleven times within 32 seconds, and nothing came back. It may have arrived all the "
        "same.",
        (
            "the registrar is down",
            "a firewall drops what we send, or what comes back",
            "Host, Port or Protocol are not the registrar's",
            "the registrar ignores addresses that it does not know",
        ),
        (
            WAY,
            "compare Host, Port and Protocol of the server with what the carrier gave you",
            "ask the carrier whether your address is let through",
        ),
        Heals.ITSELF,
    ),
    fault(
        "lapsed",
        r"^left to lapse",
        "left to lapse: no answer from 192.0.2.1:5060 within 32 s",
        "left to lapse",
        "It is not wanted any more, and could not be un-registered; by now it has lapsed by itself.",
        (),
        (),
        Heals.GOOD,
    ),
)

OURS: Sequence[Fault] = (
    fault(
        "internal",
        r"^internal error",
        "internal error; the log has its trace",
        "a mistake of ours",
        "This program has failed at this registration; the others go on. It is tried again after an hour.",
        ("a bug",),
        ("look for `attempt.crashed` in the log, and report it with its trace",),
        Heals.MAYBE,
    ),
    fault(
        "unregistered.left",
        r"^(un-registered by action|left, as its provider profile)",
        "un-registered by action",
        "un-registered on request",
        "Somebody had it un-registered.",
        (),
        ("`sipregistrant register --entry TABLE:ID` takes it up again",),
        Heals.NEVER,
    ),
)

FAULTS: Sequence[Fault] = (*CREDENTIALS, *ANSWERS, *NAMES_AND_WAYS, *OURS)


def of_reason(reason: str) -> Cause | None:
    """Return what a reason means; None where it says no more than its code."""
    return next((one.cause for one in FAULTS if one.pattern.search(reason)), None)
