"""Checks that the objects of one rendering fit together: what no schema of a single object sees."""

from collections.abc import Sequence

from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.validation.pods import check_pods
from gaiectl.validation.pools import check_pools
from gaiectl.validation.routes import check_routes
from gaiectl.validation.selectors import check_selectors
from gaiectl.validation.stream import Stream

_CHECKS = (check_pools, check_routes, check_selectors, check_pods)


def check_agreement(documents: Sequence[Document]) -> list[str]:
    """Refuse objects that miss each other; return notes on what they need and is not rendered.

    Args:
        documents: everything that will be applied, each namespaced one with its namespace.

    Raises:
        GaieError: lists every mistake in a sentence with both places and what to set.
    """
    stream = Stream(documents)
    remarks = list(dict.fromkeys(remark for check in _CHECKS for remark in check(stream)))
    mistakes = [remark.text for remark in remarks if remark.is_mistake]
    if mistakes:
        count = len(mistakes)
        raise GaieError(
            f"what is rendered would not work: {count} mistake{'s' if count > 1 else ''}",
            hint="set what each line names; values that stand nowhere in your files have our "
            "defaults, which fit together",
            detail="\n".join(mistakes),
        )
    return [remark.text for remark in remarks]
