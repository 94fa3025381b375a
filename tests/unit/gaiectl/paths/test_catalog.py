"""What gaie.yaml offers is what there is."""

from gaiectl.model.catalog import SERVERS
from gaiectl.paths.catalog import PATHS
from gaiectl.providers.catalog import PROVIDERS
from gaiectl.stack.model import ModelServerKind, PathName, ProviderName


def test_every_choice_of_a_stack_exists_and_everything_can_be_chosen() -> None:
    assert set(ProviderName) == set(PROVIDERS)
    assert set(ModelServerKind) == {"none", *SERVERS}
    assert set(PathName) == set(PATHS)
