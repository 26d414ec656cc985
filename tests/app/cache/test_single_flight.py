from __future__ import annotations

import asyncio

import pytest

from app.cache.single_flight import SingleFlight


class Work:
    """Something slow that counts how often it is done, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.done = 0
        self.failures = failures

    async def __call__(self) -> int:
        self.done += 1
        number = self.done
        await asyncio.sleep(0.01)
        if number <= self.failures:
            raise RuntimeError(f"failure {number}")
        return number


async def test_a_hundred_at_once_cost_one() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    landed = await asyncio.gather(*(flights.run("same", work) for _ in range(100)))
    assert work.done == 1
    assert {one.value for one in landed} == {1}
    assert [one.followed for one in landed].count(False) == 1


async def test_other_keys_do_not_wait_for_each_other() -> None:
    flights: SingleFlight[int, int] = SingleFlight()
    work = Work()
    await asyncio.gather(*(flights.run(key, work) for key in range(5)))
    assert work.done == 5


async def test_what_has_landed_is_not_kept() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    await flights.run("same", work)
    assert (await flights.run("same", work)).value == 2
    assert not flights._flights


async def test_only_who_failed_learns_of_it_and_the_next_one_tries() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work(failures=2)
    results = await asyncio.gather(
        *(flights.run("same", work) for _ in range(10)), return_exceptions=True
    )
    assert work.done == 3
    failed = [result for result in results if isinstance(result, RuntimeError)]
    assert len(failed) == 2
    assert {r.value for r in results if not isinstance(r, BaseException)} == {3}


async def test_when_the_leader_is_cancelled_another_takes_over() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    leader, *followers = [asyncio.create_task(flights.run("same", work)) for _ in range(5)]
    await asyncio.sleep(0)
    leader.cancel()
    assert {(await follower).value for follower in followers} == {2}
    with pytest.raises(asyncio.CancelledError):
        await leader
    assert work.done == 2


async def test_a_follower_that_gives_up_disturbs_nobody() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    tasks = [asyncio.create_task(flights.run("same", work)) for _ in range(5)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    await asyncio.wait(tasks)
    assert tasks[2].cancelled()
    assert {task.result().value for task in tasks if task is not tasks[2]} == {1}
    assert work.done == 1
