"""A Gateway that nobody has named has a name that its provider can use."""

import pytest

from gaiectl.paths.catalog import PATHS
from gaiectl.paths.request import Request
from gaiectl.plan import Objects
from gaiectl.stack.model import ModelServer, PathName, Provider, ProviderName, Stack


@pytest.mark.parametrize("name", ["llm", "a" * 53, "a" * 38 + "-" + "b" * 14], ids=len)
@pytest.mark.parametrize("provider", [one for one in ProviderName if one is not ProviderName.NONE])
def test_every_name_of_a_stack_leaves_the_gateway_a_name(provider: ProviderName, name: str) -> None:
    stack = Stack(
        path=PathName.INFERENCEPOOL,
        name=name,
        provider=Provider(name=provider),
        model_server=ModelServer(match_labels={"app": "x"}),
    )
    plan = PATHS[stack.path].plan(Request(stack=stack))
    (gateway,) = (
        document
        for step in plan.steps
        if isinstance(step.what, Objects)
        for document in step.what.documents
        if document["kind"] == "Gateway"
    )
    made = gateway["metadata"]["name"]

    assert made.endswith("-inference-gateway")
    assert made.startswith(name[:38])
    assert "--" not in made
