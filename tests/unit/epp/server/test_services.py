"""Plugins that work in the background: one that fails."""

import pytest

from epp.api.discovery import EndpointSpec
from epp.api.errors import ConfigError, Problem
from epp.api.plugin import Host, Instance
from epp.datalayer.pool import Pool
from epp.server.services import Services


class Unable:
    async def start(self, host: Host) -> None:
        raise ConfigError([Problem("needs a library"), Problem("cannot be read", "tokenizer.json")])

    async def stop(self) -> None:
        pass


async def test_a_plugin_that_cannot_begin_is_named() -> None:
    services = Services(Pool())

    with pytest.raises(ConfigError) as refused:
        await services.run([Instance("mine", "unable", Unable())])

    assert {str(problem) for problem in refused.value.problems} == {
        "plugin mine: needs a library",
        "tokenizer.json: cannot be read",
    }


async def test_a_plugin_that_fails_to_follow_endpoints_keeps_nobody_from_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Follows:
        async def start(self, host: Host) -> None:
            def fail() -> None:
                raise LookupError("followed")

            self.undo = host.on_endpoints(fail)

        async def stop(self) -> None:
            self.undo()

    pool, seen = Pool(), []
    services = Services(pool)
    await services.run([Instance("mine", "follows", Follows())])
    pool.on_change(lambda: seen.append(len(pool)))
    pool.replace([EndpointSpec("a", "default", "10.0.0.1", 8000)])
    await services.stop()
    pool.replace([])

    assert seen == [1, 0]
    assert caplog.text.count("LookupError: followed") == 1
