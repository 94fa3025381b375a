"""Where a program comes from is known by its image or by its package."""

from importlib.metadata import version

from epp.server.build import build


def test_an_image_says_what_it_was_built_from() -> None:
    made = build({"EPP_COMMIT": "abc123", "EPP_BUILD_REF": "release-1"})

    assert made == (version("gaiectl"), "abc123", "release-1")


def test_without_an_image_the_package_is_all_that_is_known() -> None:
    made = build({})

    assert made.version == version("gaiectl")
    assert made.commit
    assert made.ref
