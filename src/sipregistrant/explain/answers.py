"""The final answers to a REGISTER, and what each means for a registrant.

RFC 3261 §21 and the registry of response codes: what a registrar or a proxy on the way can say to REGISTER stands here by its
code, the rest by its class. Those of 4xx are in `request_failures.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from .answer import AOR_AND_DOMAIN, ASK, answer
from .cause import Cause, Heals
from .request_failures import REQUEST_FAILURES

__all__ = ["ANSWERS", "CLASSES", "of_code"]

ANSWERS: Mapping[int, Cause] = REQUEST_FAILURES | dict(
    [
        answer(200, "OK", "The registrar has bound our contacts.", (), (), Heals.GOOD),
        answer(
            202,
            "Accepted",
            "The registrar takes the request, but does not say that the contacts are bound.",
            ("a proxy or an application server answered in the registrar's place",),
            ("see whether the server's Host is the registrar itself", ASK),
            Heals.NEVER,
        ),
        answer(
            300,
            "Multiple Choices",
            "The AOR is registered elsewhere: the answer names several places.",
            ("the registrar distributes its users over several machines",),
            ("if these places are the carrier's own, allow them: `--follow-redirects-to HOST` of serve",),
            Heals.NEVER,
        ),
        answer(
            301,
            "Moved Permanently",
            "The registrar has moved.",
            ("the carrier has given its registrar another name",),
            ("put the new place into Host of the server, or allow it: `--follow-redirects-to HOST` of serve",),
            Heals.NEVER,
        ),
        answer(
            302,
            "Moved Temporarily",
            "The registrar sends us to another place for now.",
            ("load is distributed by redirection", "somebody else answers in the registrar's place"),
            ("if the place is the carrier's own, allow it: `--follow-redirects-to HOST` of serve",),
            Heals.NEVER,
        ),
        answer(
            305,
            "Use Proxy",
            "REGISTERs are wanted by way of a proxy.",
            ("the carrier has an outbound proxy",),
            ("put the proxy into RouteSet of the server",),
            Heals.NEVER,
        ),
        answer(
            380,
            "Alternative Service",
            "The registrar offers something else, and does not register.",
            ("the account is for another service, or for emergencies alone",),
            (ASK,),
            Heals.NEVER,
        ),
        answer(
            500,
            "Server Internal Error",
            "The registrar has failed inside.",
            ("its database is down", "a fault of the registrar"),
            ("wait; if it lasts, tell the carrier",),
            Heals.ITSELF,
        ),
        answer(
            501,
            "Not Implemented",
            "What answers does not know REGISTER.",
            ("Host names a proxy or a gateway, not the registrar",),
            ("put the registrar into Host of the server",),
            Heals.NEVER,
        ),
        answer(
            502,
            "Bad Gateway",
            "A proxy got an answer that it could not use.",
            ("a fault behind the proxy",),
            ("wait; if it lasts, tell the carrier",),
            Heals.ITSELF,
        ),
        answer(
            503,
            "Service Unavailable",
            "The registrar is overloaded or in maintenance; it may say how long to wait (Retry-After).",
            (
                "overload, often because all its users register at once",
                "maintenance",
                "a proxy found no registrar behind it",
            ),
            (
                "wait: Retry-After is obeyed, and the rate is lowered; if you sent too fast, set MaxRegistersPerSecond of the "
                "server",
            ),
            Heals.ITSELF,
        ),
        answer(
            504,
            "Server Time-out",
            "A proxy got no answer from a machine that it needs.",
            ("the registrar or its name server is down",),
            ("wait; if it lasts, tell the carrier",),
            Heals.ITSELF,
        ),
        answer(
            505,
            "Version Not Supported",
            "The registrar does not speak SIP/2.0.",
            ("Host and Port name something that is no registrar",),
            ("see Host, Port and Protocol of the server",),
            Heals.NEVER,
        ),
        answer(
            513,
            "Message Too Large",
            "The REGISTER is too large for the registrar.",
            ("many contacts, or long headers that were added",),
            ("register fewer contacts, or leave added headers out; use TCP (Protocol 2)",),
            Heals.NEVER,
        ),
        answer(
            555,
            "Push Notification Service Not Supported",
            "An answer that belongs to phones that sleep.",
            ("contact parameters that ask for push",),
            ("see the contacts of the entry",),
            Heals.NEVER,
        ),
        answer(
            580,
            "Precondition Failure",
            "An answer that belongs to calls.",
            ("an unusual registrar",),
            (ASK,),
            Heals.MAYBE,
        ),
        answer(
            600,
            "Busy Everywhere",
            "An answer that belongs to calls.",
            ("Host names a phone or a gateway, not a registrar",),
            ("put the registrar into Host of the server",),
            Heals.MAYBE,
        ),
        answer(
            603,
            "Decline",
            "The registrar does not want to.",
            ("the account is blocked", "a filter against attacks"),
            ("ask the carrier whether your address is blocked",),
            Heals.MAYBE,
        ),
        answer(
            604,
            "Does Not Exist Anywhere",
            "The AOR is known nowhere.",
            ("the user part is mistyped", "the account was removed"),
            (f"compare {AOR_AND_DOMAIN} with what the carrier gave you",),
            Heals.NEVER,
        ),
        answer(
            606,
            "Not Acceptable",
            "The registrar does not take this kind of registration.",
            ("an unusual policy",),
            (ASK,),
            Heals.NEVER,
        ),
        answer(
            607,
            "Unwanted",
            "An answer that belongs to calls.",
            ("a filter against attacks",),
            ("ask the carrier whether your address is blocked",),
            Heals.MAYBE,
        ),
        answer(
            608,
            "Rejected",
            "A filter on the way has refused the request.",
            ("a filter against attacks",),
            ("ask the carrier whether your address is blocked",),
            Heals.MAYBE,
        ),
        answer(
            687, "Dialog Terminated", "An answer that belongs to calls.", ("an unusual registrar",), (ASK,), Heals.MAYBE
        ),
    ]
)

CLASSES: Mapping[int, Cause] = {
    2: Cause("answer.2xx", "another 2xx", "The registrar takes the request, but does not say that the contacts are bound.",
             ("a proxy or an application server answered in the registrar's place",), (ASK,), Heals.NEVER),
    3: Cause("answer.3xx", "another 3xx", "The registrar sends us to another place.", ("load is distributed by redirection",),
             ("if the place is the carrier's own, allow it: `--follow-redirects-to HOST` of serve",), Heals.NEVER),
    4: Cause("answer.4xx", "another 4xx", "The registrar does not like the request, for a reason of its own.", ("an unusual "
        "registrar",),
             ("the phrase behind the code may say more", ASK), Heals.MAYBE),
    5: Cause("answer.5xx", "another 5xx", "The registrar, or a proxy on the way, has failed.", ("a fault at the carrier",),
             ("wait; if it lasts, tell the carrier",), Heals.ITSELF),
    6: Cause("answer.6xx", "another 6xx", "The registrar does not want to, wherever it is asked.", ("an unusual policy",),
             (ASK,), Heals.MAYBE),
}  # fmt: skip


def of_code(code: int) -> Cause:
    """Return what a final answer means; of a code that is not known its class."""
    return ANSWERS.get(code) or CLASSES[min(max(code // 100, 2), 6)]
