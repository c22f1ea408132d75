"""A breaker with a clock that is turned by hand."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shop.platform.http.breaker import Breaker, CircuitOpen, State


@pytest.fixture
def breaker(seconds):
    return Breaker(now=seconds)


@pytest.fixture
def fail(breaker):
    def act(times=1):
        for _ in range(times):
            breaker.failed(breaker.admit())

    return act


def test_five_failures_open_it_for_a_minute(breaker, fail, seconds):
    fail(4)
    assert breaker.state is State.CLOSED
    fail()

    assert (breaker.state, breaker.opened) == (State.OPEN, 1)
    seconds.now += 59
    with pytest.raises(CircuitOpen) as refused:
        breaker.admit()
    assert refused.value.retry_after == pytest.approx(1)


def test_five_failures_in_more_than_a_minute_do_not_open_it(breaker, fail, seconds):
    for _ in range(20):
        fail()
        seconds.now += 15.1

    assert breaker.state is State.CLOSED


def test_five_failures_within_exactly_a_minute_open_it(breaker, fail, seconds):
    fail()
    seconds.now += 60
    fail(4)

    assert breaker.state is State.OPEN


def test_who_comes_while_the_trial_is_under_way_is_told_to_come_back_in_a_second(breaker, fail, seconds):
    fail(5)
    seconds.now += 61
    breaker.admit()

    with pytest.raises(CircuitOpen) as refused:
        breaker.admit()
    assert refused.value.retry_after == 1


def test_failures_of_the_last_minute_count_whatever_came_before(breaker, fail, seconds):
    fail(4)
    seconds.now += 61
    fail(4)
    assert breaker.state is State.CLOSED
    fail()

    assert breaker.state is State.OPEN


def test_a_success_forgets_the_failures(breaker, fail):
    fail(4)
    breaker.succeeded(breaker.admit())
    fail(4)

    assert breaker.state is State.CLOSED


def test_after_a_minute_one_trial_is_made_and_closes_it(breaker, fail, seconds):
    fail(5)
    seconds.now += 60
    assert breaker.state is State.HALF_OPEN
    trial = breaker.admit()
    with pytest.raises(CircuitOpen):
        breaker.admit()

    breaker.succeeded(trial)

    assert breaker.state is State.CLOSED
    fail(4)
    assert breaker.state is State.CLOSED


def test_a_trial_that_fails_opens_it_for_another_minute(breaker, fail, seconds):
    fail(5)
    seconds.now += 60
    fail()

    assert (breaker.state, breaker.opened) == (State.OPEN, 2)
    seconds.now += 59.9
    with pytest.raises(CircuitOpen):
        breaker.admit()


def test_a_trial_that_nobody_waits_for_any_more_makes_room_for_another(breaker, fail, seconds):
    fail(5)
    seconds.now += 60
    breaker.abandoned(breaker.admit())

    breaker.succeeded(breaker.admit())
    assert breaker.state is State.CLOSED


def test_a_call_from_before_says_nothing_of_the_trial(breaker, fail, seconds):
    good, bad = breaker.admit(), breaker.admit()
    fail(5)
    breaker.succeeded(good)
    assert breaker.state is State.OPEN
    seconds.now += 60
    trial = breaker.admit()

    breaker.failed(bad)
    breaker.succeeded(good)
    assert breaker.state is State.HALF_OPEN
    breaker.succeeded(trial)
    assert breaker.state is State.CLOSED


class Machine(RuleBasedStateMachine):
    """Whatever happens: open means closed to calls, half-open means one at a time."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker(now=lambda: self.now)
        self.calls = []
        self.waits = []
        self.trials = set()

    @rule()
    def call(self):
        before = self.breaker.state
        try:
            call = self.breaker.admit()
        except CircuitOpen as refused:
            assert before is not State.CLOSED
            self.waits.append(refused.retry_after)
            return
        assert before is not State.OPEN
        if before is State.HALF_OPEN:
            assert not self.trials
            self.trials.add(call)
        self.calls.append(call)

    @precondition(lambda self: self.calls)
    @rule(which=st.integers(0, 10), how=st.sampled_from(["succeeded", "failed", "failed", "abandoned"]))
    def end(self, which, how):
        call = self.calls.pop(which % len(self.calls))
        getattr(self.breaker, how)(call)
        self.trials.discard(call)

    @rule(by=st.sampled_from([0.125, 10.0, 60.0]))  # exact floats: their sums are, too
    def wait(self, by):
        self.now += by

    @invariant()
    def a_trial_is_under_way_only_where_there_may_be_one(self):
        assert len(self.trials) <= 1
        assert all(0 < wait <= 60 for wait in self.waits)
        if self.trials:
            assert self.breaker.state is State.HALF_OPEN


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestMachine = Machine.TestCase


def test_each_state_that_it_comes_into_is_counted(breaker, fail, seconds):
    fail(5)
    seconds.now += 60
    breaker.failed(breaker.admit())
    seconds.now += 60
    breaker.succeeded(breaker.admit())
    breaker.succeeded(breaker.admit())

    assert breaker.changes == {State.OPEN: 2, State.HALF_OPEN: 2, State.CLOSED: 1}


def test_however_many_trials_are_abandoned_it_has_become_half_open_once(breaker, fail, seconds):
    fail(5)
    seconds.now += 60
    for _ in range(3):
        breaker.abandoned(breaker.admit())
    assert breaker.changes == {State.OPEN: 1, State.HALF_OPEN: 1, State.CLOSED: 0}
    fail()
    seconds.now += 60
    breaker.abandoned(breaker.admit())
    breaker.succeeded(breaker.admit())

    assert breaker.changes == {State.OPEN: 2, State.HALF_OPEN: 2, State.CLOSED: 1}
