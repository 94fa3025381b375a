"""No gateway: the standalone path brings its own proxy, or the user has a gateway already."""

from gaiectl.providers.provider import Provider

PROVIDER = Provider(name="none", summary="No Gateway is made")
