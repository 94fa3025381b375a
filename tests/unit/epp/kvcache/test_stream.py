import pytest

from epp.kvcache.stream import MAX_WAITING, EventStream


class Listener:
    """Notes what a stream does; answers requests for replays as told."""

    def __init__(self, *, can_replay: bool = True) -> None:
        self.taken: list[bytes] = []
        self.resets = 0
        self.asked: list[int] = []
        self._can_replay = can_replay
        self.stream = EventStream(self.taken.append, self._reset, self._ask)

    def _reset(self) -> None:
        self.resets += 1
        self.taken.clear()

    def _ask(self, number: int) -> bool:
        self.asked.append(number)
        return self._can_replay

    def live(self, *numbers: int) -> None:
        for number in numbers:
            self.stream.live(number, b"%d" % number)

    def replayed(self, *numbers: int) -> None:
        for number in numbers:
            self.stream.replayed(number, b"%d" % number)

    @property
    def order(self) -> str:
        return b" ".join(self.taken).decode()


def test_messages_in_order_are_taken_as_they_come() -> None:
    listener = Listener()
    listener.live(4, 5, 6)

    assert (listener.order, listener.asked, listener.stream.lost) == ("4 5 6", [], 0)


def test_a_gap_is_filled_by_a_replay_while_live_messages_wait() -> None:
    listener = Listener()
    listener.live(0, 1, 4, 5)

    assert (listener.order, listener.asked) == ("0 1", [2])

    listener.replayed(2, 3, 4)
    listener.stream.replay_ended()
    listener.live(6)

    assert listener.order == "0 1 2 3 4 5 6"
    assert (listener.stream.lost, listener.resets) == (0, 0)


def test_what_a_replay_does_not_have_is_lost_and_life_goes_on() -> None:
    listener = Listener()
    listener.live(0, 5)
    listener.replayed(3)
    listener.stream.replay_ended()
    listener.live(6)

    assert listener.order == "0 3 5 6"
    assert listener.stream.lost == 3


def test_without_a_replay_a_gap_is_lost() -> None:
    listener = Listener(can_replay=False)
    listener.live(0, 3)

    assert (listener.order, listener.stream.lost) == ("0 3", 2)


def test_a_number_that_falls_is_a_new_process_whose_predecessor_is_forgotten() -> None:
    listener = Listener(can_replay=False)
    listener.live(7, 8, 0, 1)

    assert (listener.order, listener.resets, listener.stream.resets) == ("0 1", 1, 1)


def test_a_new_process_that_was_heard_late_is_asked_for_its_beginning() -> None:
    listener = Listener()
    listener.live(7, 8, 2)

    assert (listener.order, listener.resets, listener.asked) == ("", 1, [0])

    listener.replayed(0, 1, 2)
    listener.stream.replay_ended()

    assert listener.order == "0 1 2"


def test_after_a_lost_connection_a_gap_is_a_new_process() -> None:
    listener = Listener(can_replay=False)
    listener.live(0, 1)
    listener.stream.reconnected()
    listener.live(9)

    assert (listener.order, listener.resets) == ("9", 1)


def test_after_a_lost_connection_the_next_number_is_the_same_process() -> None:
    listener = Listener()
    listener.live(0, 1)
    listener.stream.reconnected()
    listener.live(2, 3)

    assert (listener.order, listener.resets) == ("0 1 2 3", 0)


def test_at_the_beginning_everything_is_asked_for() -> None:
    listener = Listener()
    listener.stream.begin()
    listener.live(12)
    listener.replayed(10, 11)
    listener.stream.replay_ended()

    assert (listener.order, listener.asked, listener.stream.lost) == ("10 11 12", [0], 10)


def test_an_unanswered_replay_at_the_beginning_takes_what_comes() -> None:
    listener = Listener(can_replay=False)
    listener.stream.begin()
    listener.live(12, 13)

    assert (listener.order, listener.stream.lost) == ("12 13", 0)


@pytest.mark.parametrize("size", [0, 40_000])
def test_what_waits_for_a_replay_is_bounded(size: int) -> None:
    listener = Listener()
    listener.live(0)
    for number in range(2, MAX_WAITING + 2):
        listener.stream.live(number, bytes(size))
        if not listener.stream.is_replaying:
            break

    assert not listener.stream.is_replaying
    assert len(listener.taken) == (MAX_WAITING if not size else 32 * 1024 * 1024 // size + 1) + 1


def test_a_message_that_a_replay_was_faster_with_is_no_new_process() -> None:
    listener = Listener(can_replay=True)
    listener.stream.begin()
    listener.replayed(0, 1, 2, 3)
    listener.stream.replay_ended()
    listener.live(2, 3, 4)

    assert (listener.order, listener.resets) == ("0 1 2 3 4", 0)

    listener.live(3)

    assert listener.resets == 1


def test_a_late_replay_is_ignored() -> None:
    listener = Listener()
    listener.live(0, 1)
    listener.replayed(0, 1, 2)

    assert listener.order == "0 1"
