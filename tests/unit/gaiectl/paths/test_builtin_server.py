"""gaiectl's own simulator is in the image of its EPP, and in no other one."""

import pytest

from gaiectl.paths.pool import model_servers
from gaiectl.stack.model import Epp, Implementation, ModelServer, ModelServerKind, Stack

OWN = "registry.example/team/epp:1"
GAIE = "registry.example/gateway-api-inference-extension/epp:v1.3.1"


@pytest.mark.parametrize(
    ("implementation", "image", "is_shared"),
    [
        (Implementation.AUTO, OWN, True),
        (Implementation.PYTHON, OWN, True),
        (Implementation.GO, OWN, False),
        (Implementation.AUTO, GAIE, False),
    ],
)
def test_the_simulator_runs_from_the_image_of_our_epp_alone(
    implementation: Implementation, image: str, is_shared: bool
) -> None:
    stack = Stack(
        epp=Epp(implementation=implementation, image=image),
        model_server=ModelServer(kind=ModelServerKind.BUILTIN),
    )
    ((deployment,), _) = model_servers(stack)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]

    assert (container["image"] == image) is is_shared
