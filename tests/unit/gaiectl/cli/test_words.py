"""Command lines as kubectl's users type them."""

import pytest

from gaiectl.cli.words import understood


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("install --dry-run", "install --dry-run=client"),
        ("install --dry-run -o json", "install --dry-run=client -o json"),
        ("install --dry-run server", "install --dry-run server"),
        ("install --dry-run=server", "install --dry-run=server"),
        ("cleanup --dry-run llm", "cleanup --dry-run=client llm"),
        ("cleanup --dry-run --dry-run", "cleanup --dry-run=client --dry-run=client"),
        ("list -o=json -n=llm", "list -o json -n llm"),
        ("render -l=app=vllm", "render -l app=vllm"),
        ("render --set=a=b", "render --set=a=b"),
        ("image build -- --dry-run -o=x", "image build -- --dry-run -o=x"),
        ("", ""),
    ],
)
def test_what_kubectl_understands_is_understood(typed: str, meant: str) -> None:
    assert understood(typed.split()) == meant.split()
