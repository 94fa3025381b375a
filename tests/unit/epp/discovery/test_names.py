"""A host name gets one address that does not change without need."""

import pytest

from epp.discovery.names import Names


class Resolver:
    """Answers from a table; a name that is not in it does not resolve."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = answers

    async def __call__(self, name: str) -> list[str]:
        if name not in self.answers:
            raise OSError(-2, "Name or service not known")
        return self.answers[name]


async def test_the_lowest_ipv4_address_is_taken_first() -> None:
    names = Names(Resolver(a=["2001:db8::1", "10.0.0.10", "10.0.0.9"]))
    failures = await names.refresh(["a"])

    assert failures == {}
    assert names["a"] == "10.0.0.9"


async def test_an_address_stays_while_the_name_still_resolves_to_it() -> None:
    resolver = Resolver(a=["10.0.0.9"])
    names = Names(resolver)
    await names.refresh(["a"])
    resolver.answers["a"] = ["10.0.0.1", "10.0.0.9"]
    await names.refresh(["a"])

    assert names["a"] == "10.0.0.9"

    resolver.answers["a"] = ["10.0.0.1"]
    await names.refresh(["a"])

    assert names["a"] == "10.0.0.1"


async def test_a_failed_lookup_keeps_the_last_good_answer() -> None:
    resolver = Resolver(a=["10.0.0.9"])
    names = Names(resolver)
    await names.refresh(["a"])
    del resolver.answers["a"]
    failures = await names.refresh(["a", "b"])

    assert failures == {"a": "Name or service not known", "b": "Name or service not known"}
    assert names["a"] == "10.0.0.9"
    assert names["b"] is None


async def test_a_name_no_longer_asked_for_is_forgotten() -> None:
    names = Names(Resolver(a=["10.0.0.9"]))
    await names.refresh(["a"])
    await names.refresh([])

    assert names["a"] is None


@pytest.mark.parametrize("answer", [[], ["fe80::1%eth0"]])
async def test_an_answer_without_a_usable_address_is_a_failure(answer: list[str]) -> None:
    assert await Names(Resolver(a=answer)).refresh(["a"]) == {"a": "no usable address"}


async def test_the_system_knows_localhost() -> None:
    names = Names()

    assert await names.refresh(["localhost", "10.0.0.1"]) == {}
    assert names["localhost"] == "127.0.0.1"
