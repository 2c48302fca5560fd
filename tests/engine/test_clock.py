"""The schedule's clock: boot time and an offset that is slewed, never stepped."""

from __future__ import annotations

import pytest

from sipregistrant.engine.clock import SLEW, Clock, read_boot_id, read_boot_time

WALL = 1_767_225_600.0


class Machine:
    """A boot clock and a wall clock that a test moves."""

    def __init__(self) -> None:
        self.up = 100.0
        self.wall_ahead = WALL

    def boot(self) -> float:
        return self.up

    def wall(self) -> float:
        return self.up + self.wall_ahead

    def clock(self, boot_id: str = "", saved_boot_id: str = "", saved_offset_ms: int = 0) -> Clock:
        return Clock(boot_id, saved_boot_id, saved_offset_ms, boot=self.boot, wall=self.wall)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_it_begins_with_the_wall_clock(machine: Machine) -> None:
    assert machine.clock().now() == WALL + 100


def test_milliseconds_are_those_of_the_seconds(machine: Machine) -> None:
    clock = machine.clock()
    machine.up += 0.25
    assert clock.now_ms() == int(clock.now() * 1000) == (int(WALL) + 100) * 1000 + 250


def test_it_goes_on_with_boot_time_which_counts_sleep(machine: Machine) -> None:
    clock = machine.clock()
    machine.up += 8 * 3600
    assert clock.now() == WALL + 100 + 8 * 3600


@pytest.mark.parametrize("jump", [-7200.0, -3.0, 3.0, 7200.0])
def test_a_jump_of_the_wall_is_told_once_and_not_followed(machine: Machine, jump: float) -> None:
    clock = machine.clock()
    before = clock.now()
    machine.wall_ahead += jump
    assert clock.slew() == pytest.approx(jump)
    assert clock.now() == before
    for _ in range(100):
        machine.up += 10
        assert clock.slew() is None


def test_the_way_back_of_a_jump_is_told_too(machine: Machine) -> None:
    clock = machine.clock()
    machine.wall_ahead += 60
    clock.slew()
    machine.up += 10
    machine.wall_ahead -= 60
    assert clock.slew() == pytest.approx(-60)


def test_a_drift_is_no_jump(machine: Machine) -> None:
    clock = machine.clock()
    for _ in range(100):
        machine.up += 10
        machine.wall_ahead += 0.001
        assert clock.slew() is None


def test_a_long_sleep_is_no_jump(machine: Machine) -> None:
    clock = machine.clock()
    machine.wall_ahead += 3600
    clock.slew()
    machine.up += 86400
    assert clock.slew() is None
    machine.up += 10
    assert clock.slew() is None


@pytest.mark.parametrize("ahead", [-1.0, 1.0])
def test_the_offset_is_drawn_after_the_wall_and_stops_there(machine: Machine, ahead: float) -> None:
    clock = machine.clock()
    machine.wall_ahead += ahead
    clock.slew()
    machine.up += 10
    assert clock.now() - (machine.wall() - ahead) == pytest.approx(10 * SLEW * ahead, abs=1e-6)
    machine.up += 1990
    assert clock.now() == pytest.approx(machine.wall(), abs=1e-6)
    machine.up += 1000
    assert clock.now() == pytest.approx(machine.wall(), abs=1e-6)


@pytest.mark.parametrize("ahead", [-3600.0, 3600.0])
def test_time_only_goes_forward_and_never_by_a_step(machine: Machine, ahead: float) -> None:
    clock = machine.clock()
    machine.wall_ahead += ahead
    last = clock.now()
    for tick in range(2000):
        machine.up += 0.01
        if tick % 100 == 0:
            clock.slew()
        now = clock.now()
        assert 0.00999 < now - last < 0.01001
        last = now


def test_over_a_restart_in_the_same_boot_the_offset_is_kept(machine: Machine) -> None:
    first = machine.clock("boot-1")
    machine.up += 50
    machine.wall_ahead += 86400
    second = machine.clock("boot-1", "boot-1", first.offset_ms)
    assert second.now() == pytest.approx(first.now(), abs=0.001)


def test_what_was_drawn_since_the_last_look_is_kept_too(machine: Machine) -> None:
    first = machine.clock("boot-1")
    machine.wall_ahead += 86400
    first.slew()
    machine.up += 1000
    assert machine.clock("boot-1", "boot-1", first.offset_ms).now() == pytest.approx(first.now(), abs=0.001)


@pytest.mark.parametrize(("boot_id", "saved"), [("boot-2", "boot-1"), ("", ""), ("boot-1", "")])
def test_after_another_boot_or_an_unknown_one_the_wall_clock_counts(machine: Machine, boot_id: str, saved: str) -> None:
    assert machine.clock(boot_id, saved, 12345).now() == machine.wall()


def test_this_machine_says_which_boot_it_is_in_and_since_when() -> None:
    assert read_boot_id() == read_boot_id()
    assert 0 < read_boot_time() <= read_boot_time()
