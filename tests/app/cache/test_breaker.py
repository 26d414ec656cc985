from __future__ import annotations

from dataclasses import dataclass

from app.cache.breaker import FIRST_PAUSE, LONGEST_PAUSE, Breaker


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_failure_is_enough_and_after_a_pause_one_request_tries() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    assert breaker.lets_through()
    breaker.failed()
    assert not breaker.lets_through()
    clock.now += FIRST_PAUSE
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]


def test_what_works_again_is_asked_again_by_all() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    breaker.failed()
    clock.now += FIRST_PAUSE
    assert breaker.lets_through()
    breaker.worked()
    assert [breaker.lets_through() for _ in range(3)] == [True, True, True]


def test_pauses_grow_up_to_a_limit() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    pauses = []
    for _ in range(8):
        breaker.failed()
        started = clock.now
        while not breaker.lets_through():
            clock.now += 0.5
        pauses.append(clock.now - started)
    assert pauses == [1, 2, 4, 8, 16, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


def test_one_that_was_let_through_and_never_came_back_does_not_block_for_good() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    breaker.failed()
    clock.now += FIRST_PAUSE
    assert breaker.lets_through()
    clock.now += FIRST_PAUSE
    assert breaker.lets_through()


def test_requests_that_fail_together_count_as_one() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(50):
        assert breaker.lets_through()
    for _ in range(50):
        breaker.failed()
    clock.now += FIRST_PAUSE
    assert breaker.lets_through()
