"""How a server answers."""

from __future__ import annotations

from sipregistrant.model.standing import UNKNOWN, Standing


def test_nothing_is_known_before_the_first_answer() -> None:
    assert (UNKNOWN.word, UNKNOWN.transactions, UNKNOWN.failures) == ("Unknown", 0, 0)


def test_an_answer_brings_it_up_and_further_ones_do_not_move_the_instant() -> None:
    standing = Standing()
    standing.answered(10)
    standing.answered(20)
    assert (standing.word, standing.since, standing.transactions, standing.failures) == ("Up", 10, 2, 0)


def test_silence_takes_it_down_at_the_end_of_the_transaction() -> None:
    standing = Standing()
    standing.answered(10)
    standing.failed(begun_at=20, now=52)
    standing.failed(begun_at=21, now=53)
    assert (standing.word, standing.since, standing.transactions, standing.failures) == ("Down", 52, 3, 2)


def test_one_that_is_lost_among_many_does_not_take_it_down() -> None:
    standing = Standing()
    standing.answered(10)
    standing.answered(30)
    standing.failed(begun_at=20, now=52)
    assert (standing.word, standing.since, standing.failures) == ("Up", 10, 1)


def test_it_comes_back_with_the_first_answer() -> None:
    standing = Standing()
    standing.failed(begun_at=0, now=32)
    assert standing.word == "Down"
    standing.answered(40)
    assert (standing.word, standing.since) == ("Up", 40)


def test_it_is_up_where_its_target_has_answered_on_behalf_of_another_server() -> None:
    standing = Standing()
    standing.heard(float("-inf"))
    assert standing.word == "Unknown"
    standing.heard(10)
    assert (standing.word, standing.since, standing.transactions) == ("Up", 10, 0)
    standing.heard(5)
    assert standing.answered_at == 10
    standing.failed(begun_at=20, now=52)
    standing.heard(30)
    assert standing.word == "Down"
    standing.heard(60)
    assert (standing.word, standing.since) == ("Up", 60)
