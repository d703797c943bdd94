from renogybt.model.subscribers import Subscribers


def test_listeners_are_told_in_the_order_in_which_they_came() -> None:
    told: list[tuple[str, int]] = []
    subscribers = Subscribers[int]()
    subscribers.add(lambda value: told.append(("first", value)))
    subscribers.add(lambda value: told.append(("second", value)))

    subscribers.notify(7)

    assert told == [("first", 7), ("second", 7)]


def test_unsubscribing_twice_is_harmless() -> None:
    told: list[int] = []
    subscribers = Subscribers[int]()
    unsubscribe = subscribers.add(told.append)

    unsubscribe()
    unsubscribe()
    subscribers.notify(7)

    assert told == []


def test_a_listener_that_subscribed_twice_leaves_once() -> None:
    told: list[int] = []
    subscribers = Subscribers[int]()
    subscribers.add(told.append)
    unsubscribe = subscribers.add(told.append)

    unsubscribe()
    unsubscribe()
    subscribers.notify(7)

    assert told == [7]


def test_a_listener_may_leave_while_it_is_told() -> None:
    told: list[int] = []
    subscribers = Subscribers[int]()

    def once(value: int) -> None:
        told.append(value)
        unsubscribe()

    unsubscribe = subscribers.add(once)
    subscribers.add(told.append)

    subscribers.notify(1)
    subscribers.notify(2)

    assert told == [1, 1, 2]


def test_a_listener_that_another_one_removes_is_not_told_any_more() -> None:
    told: list[int] = []
    subscribers = Subscribers[int]()
    subscribers.add(lambda value: unsubscribe())
    unsubscribe = subscribers.add(told.append)

    subscribers.notify(1)

    assert told == []


def test_a_listener_that_comes_during_a_delivery_gets_the_next_value() -> None:
    told: list[int] = []
    subscribers = Subscribers[int]()
    subscribers.add(lambda value: None if told else (subscribers.add(told.append), None)[1])

    subscribers.notify(1)
    assert told == []
    subscribers.notify(2)

    assert told == [2]
