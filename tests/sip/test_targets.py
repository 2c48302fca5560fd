"""The order in which a registration tries its targets."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sipregistrant.sip.targets import Target, Weighted, in_order

A, B, C = (Target(f"198.51.100.{n}", 5060) for n in (1, 2, 3))

ROWS = range(1, 5001)


def test_a_target_is_written_for_people() -> None:
    assert str(Target("198.51.100.1", 5060)) == "udp:198.51.100.1:5060"
    assert str(Target("2001:db8::1", 5061, "tls")) == "tls:[2001:db8::1]:5061"


def test_the_lowest_priority_comes_first() -> None:
    targets = [Weighted(A, 20, 100), Weighted(B, 10, 1), Weighted(C, 30, 100)]
    assert {tuple(in_order(row, targets)) for row in ROWS} == {(B, A, C)}


def test_the_load_is_spread_by_weight() -> None:
    firsts = Counter(in_order(row, [Weighted(A, 1, 60), Weighted(B, 1, 30), Weighted(C, 1, 10)])[0] for row in ROWS)
    shares = [firsts[target] / len(ROWS) for target in (A, B, C)]
    assert all(abs(share - wanted) < 0.03 for share, wanted in zip(shares, (0.6, 0.3, 0.1), strict=True))


def test_who_has_no_weight_has_a_small_chance_and_all_the_same_among_themselves() -> None:
    firsts = Counter(in_order(row, [Weighted(A, 1, 0), Weighted(B, 1, 100)])[0] for row in ROWS)
    assert firsts[A] < len(ROWS) / 500
    firsts = Counter(in_order(row, [Weighted(A, 1, 0), Weighted(B, 1, 0)])[0] for row in ROWS)
    assert abs(firsts[A] / len(ROWS) - 0.5) < 0.03


def test_a_target_that_goes_moves_only_its_own() -> None:
    three, two = [Weighted(one, 1, 1) for one in (A, B, C)], [Weighted(one, 1, 1) for one in (A, B)]
    moved = [row for row in ROWS if in_order(row, three)[0] != in_order(row, two)[0]]
    assert moved == [row for row in ROWS if in_order(row, three)[0] == C]


@given(st.integers(1, 2**62), st.permutations([Weighted(A, 1, 3), Weighted(B, 1, 0), Weighted(C, 2, 1)]))
def test_the_order_of_the_answer_does_not_matter(row: int, targets: list[Weighted]) -> None:
    assert in_order(row, targets) == in_order(row, sorted(targets))
