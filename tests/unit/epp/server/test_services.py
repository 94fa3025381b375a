"""Plugins that work in the background: what is said when one cannot begin."""

import pytest

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
