"""What installs a prerequisite without gaiectl's hands: lines for a shell."""

import json
import shlex
from collections.abc import Iterator

from gaiectl.operations.prereqs import releases
from gaiectl.operations.prereqs.sources import Source
from gaiectl.operations.prereqs.tokens import Given
from gaiectl.prereqs.kinds import Prereq


def lines(
    prereq: Prereq,
    source: Source,
    *,
    namespace: str,
    token: Given,
    settings: tuple[str, ...] = (),
) -> Iterator[str]:
    """Yield the commands, in their order; nothing is fetched or asked.

    Args:
        prereq: which.
        source: where files and charts are had from.
        namespace: of a Secret; empty for that of the context.
        token: where it comes from; it stands on no command line.
        settings: ``--set`` for its last chart.
    """
    if prereq.bundled:
        yield "gaiectl charts export . inference-crds"
        yield "kubectl apply --server-side -f inference-crds/crds"
    for file in prereq.files:
        yield shlex.join(["kubectl", "apply", "--server-side", "-f", source.place(file)])
    for chart in prereq.charts:
        more = settings if chart == prereq.charts[-1] else ()
        values = [source.place(file) for file in chart.values]
        whole = chart._replace(settings=(*chart.settings, *more))
        yield releases.commands(source.chart(chart), whole, values)
    for document in prereq.objects:
        text = shlex.quote(json.dumps(document))
        yield f"echo {text} | kubectl apply --server-side -f -"
    if prereq.token is not None:
        name = token.secret or prereq.token.secret
        place = f" -n {shlex.quote(namespace)}" if namespace else ""
        read = f'printf %s "${token.variable}"'
        if token.file:
            name_of_file = "/dev/stdin" if token.file == "-" else shlex.quote(token.file)
            read = f"tr -d '\\n' < {name_of_file}"
        # Through stdin: a command line can be read by everyone on the machine.
        yield (
            f"{read} | kubectl create secret generic {shlex.quote(name)}{place} "
            f"--from-file={prereq.token.key}=/dev/stdin"
        )
