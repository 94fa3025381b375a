"""Where a GitOps controller finds an export."""

from typing import NamedTuple


class Repository(NamedTuple):
    """A Git repository that holds the exported files.

    Attributes:
        url: of the repository.
        path: of the exported folder in it, seen from the repository's root.
        revision: branch or tag.
    """

    url: str
    path: str
    revision: str
