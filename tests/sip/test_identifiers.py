"""Call-ID, From tag and CSeq."""

from __future__ import annotations

from sipregistrant.sip.identifiers import CSEQ_EPOCH, dialog_names, next_cseq, question_names

DAY = 86400


def test_the_first_cseq_is_the_time() -> None:
    assert next_cseq(0, 0, CSEQ_EPOCH + 100) == (400, 0)


def test_cseq_grows_by_one_while_it_is_ahead_of_the_time() -> None:
    assert next_cseq(1000, 0, CSEQ_EPOCH + 100) == (1001, 0)


def test_after_a_crash_the_time_jumps_over_what_was_used_and_lost() -> None:
    assert next_cseq(400, 0, CSEQ_EPOCH + 200) == (800, 0)


def test_a_clock_that_went_back_does_not_take_cseq_with_it() -> None:
    assert next_cseq(50_000, 0, CSEQ_EPOCH - 5) == (50_001, 0)


def test_a_clock_that_is_years_ahead_is_not_followed() -> None:
    assert next_cseq(400, 0, CSEQ_EPOCH + 5 * 366 * DAY) == (401, 0)


def test_a_row_that_slept_for_a_year_follows_the_time() -> None:
    assert next_cseq(400, 0, CSEQ_EPOCH + 365 * DAY) == (4 * 365 * DAY, 0)


def test_near_the_largest_number_a_new_call_id_begins() -> None:
    assert next_cseq(2**31 - 500, 3, CSEQ_EPOCH + 100) == (1, 4)


def test_a_first_request_after_2042_is_still_below_the_largest_number() -> None:
    number, _ = next_cseq(0, 0, CSEQ_EPOCH + 30 * 366 * DAY)
    assert 0 < number < 2**31


def test_a_call_id_is_the_same_for_life_and_nobody_else_has_it() -> None:
    mine = dialog_names(b"key", 7, 0)
    assert mine == dialog_names(b"key", 7, 0)
    assert [len(name) for name in mine] == [32, 16]
    others = [dialog_names(b"key", 8, 0), dialog_names(b"key", 7, 1), dialog_names(b"other", 7, 0)]
    assert len({name for names in [mine, *others] for name in names}) == 8


def test_so_is_that_of_the_questions_to_a_target() -> None:
    mine = question_names(b"key", 7, "udp:192.0.2.1:5060", 0)
    assert mine == question_names(b"key", 7, "udp:192.0.2.1:5060", 0)
    assert [len(name) for name in mine] == [32, 16]
    others = [
        question_names(b"key", 8, "udp:192.0.2.1:5060", 0), question_names(b"key", 7, "udp:192.0.2.2:5060", 0),
        question_names(b"key", 7, "udp:192.0.2.1:5060", 1), dialog_names(b"key", 7, 0),
    ]  # fmt: skip
    assert len({name for names in [mine, *others] for name in names}) == 10
