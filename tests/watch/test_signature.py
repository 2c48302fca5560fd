"""The signature of a webhook's message, by the example of Standard Webhooks."""

from __future__ import annotations

from sipregistrant.watch.signature import headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def test_the_published_example() -> None:
    signed = headers(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert signed == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_part_is_signed() -> None:
    def signature(secret: str = SECRET, id: str = "event_1", timestamp: int = 1, body: bytes = BODY) -> str:
        return headers(secret, id, timestamp, body)["webhook-signature"]

    other = "whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert (
        len(
            {signature(), signature(secret=other), signature(id="event_2"), signature(timestamp=2), signature(body=b"")}
        )
        == 5
    )
