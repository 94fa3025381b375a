"""What a prerequisite is: files, charts, a controller, a token; pure data."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gaiectl.documents import Document
from gaiectl.plan import Requirement


class File(NamedTuple):
    """A file with objects or values.

    Attributes:
        url: where the project publishes it, in one release.
        sha256: of its bytes.
    """

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """Its name in a mirror."""
        return self.url.rpartition("/")[2]


class Chart(NamedTuple):
    """A chart that Helm installs.

    Attributes:
        release: the name that its project's guide gives the release.
        reference: in an OCI registry.
        version: of the chart; empty where its project pins none.
        namespace: of the release.
        values: files with values, in their order.
        settings: ``--set`` of Helm, after the files.
    """

    release: str
    reference: str
    version: str
    namespace: str
    values: tuple[File, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def archive(self) -> str:
        """Its name in a mirror that is a folder or a web server, as ``helm pull`` writes it."""
        return f"{self.reference.rpartition('/')[2]}-{self.version}.tgz"


class Controller(NamedTuple):
    """The Deployment that does the work.

    Attributes:
        labels: that its charts give it.
        switch: environment variable or argument that turns the Inference Extension on; empty where
            it is always on, or no matter.
        older_switches: what the variable was called before.
    """

    labels: Mapping[str, str]
    switch: str = ""
    older_switches: tuple[str, ...] = ()

    def is_on(self, containers: Sequence[Mapping[str, Any]]) -> bool:
        """Tell whether one of its containers has the Inference Extension switched on."""
        switches = (self.switch, *self.older_switches)
        return not self.switch or any(
            (one.get("name") in switches and str(one.get("value")).lower() in ("true", "1"))
            if isinstance(one, Mapping)
            else one in (self.switch, f"{self.switch}=true")
            for container in containers
            for key in ("env", "args")
            for one in container.get(key) or ()
        )


class Token(NamedTuple):
    """A Secret with a Hugging Face token.

    Attributes:
        secret: its usual name.
        key: what the token is called in it.
    """

    secret: str
    key: str


class Prereq(NamedTuple):
    """Something that a cluster needs first.

    Attributes:
        name: as users write it.
        what: an assertion: ``the CRDs of the Gateway API are installed``.
        version: the release that is installed.
        bundled: names of CRDs that come with gaiectl.
        files: with CRDs, fetched.
        charts: installed by Helm, in their order.
        objects: written when the charts are there.
        token: a Secret in the stack's namespace; None for none.
        needs: names of what has to be there before.
        kinds: group and kind of what its CRDs define and stacks use.
        controller: None where none runs.
        classes: GatewayClasses that are there when it is.
    """

    name: str
    what: str
    version: str = ""
    bundled: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    charts: tuple[Chart, ...] = ()
    objects: tuple[Document, ...] = ()
    token: Token | None = None
    needs: tuple[str, ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()
    controller: Controller | None = None
    classes: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """What installs it."""
        return f"gaiectl prereqs install {self.name}"

    @property
    def requirement(self) -> Requirement:
        """It, as plans ask for it."""
        return Requirement(what=self.what, commands=(self.command,))
