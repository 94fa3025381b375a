"""Installs and cleans up in processes that are killed, after so many writes or so much time.

A process of its own (``python -m machine.mortal KUBECONFIG``) that imports everything once, and
forks for each line that it reads, because a program that starts takes longer than what it does:
``{"verb": "install", "name": ..., "namespace": ..., "documents": PATH, "writes": 3}``, or with
``"seconds": 0.7``; with ``"whole": false`` cleanup keeps CRDs and namespace. It answers
with a line: ``{"killed": true}``, or ``{"killed": false, "error": "", "writes": 12}``.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.errors import GaieError
from gaiectl.operations.cleanup import cleanup
from gaiectl.operations.gone import Patience
from gaiectl.operations.install import Wanted, install
from gaiectl.operations.shared_cleanup import remove_shared
from gaiectl.operations.stacks_to_clean import Asked, look

Mortal = Callable[..., dict[str, Any]]

_SECONDS = 120.0


@contextlib.contextmanager
def mortal_in(kubeconfig: Path) -> Iterator[Mortal]:
    """Do something in a process that is killed after so many writes."""
    with subprocess.Popen(
        [sys.executable, "-m", "machine.mortal", str(kubeconfig)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as process:

        def run(verb: str, **asked: Any) -> dict[str, Any]:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps({"verb": verb, "name": "llm", **asked}) + "\n")
            process.stdin.flush()
            done: dict[str, Any] = json.loads(process.stdout.readline())
            assert not done.get("error"), done["error"]
            return done

        yield run
        assert process.stdin
        process.stdin.close()


class Silent:
    """Is told how it goes, and tells nobody."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_: None


def main() -> None:
    """Do what stdin asks for, line by line."""
    Cluster(connect(Access(kubeconfig=sys.argv[1])))  # imports the client
    for line in sys.stdin:
        asked = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            _carry_out(asked, writing)
        os.close(writing)
        if "seconds" in asked:
            time.sleep(asked["seconds"])
            os.kill(child, signal.SIGKILL)
        with os.fdopen(reading) as told:
            said = told.read()
        _, status = os.waitpid(child, 0)
        is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print(json.dumps({"killed": True}) if is_killed else said, flush=True)


def _carry_out(asked: dict[str, Any], told: int) -> None:
    """Do it, say how it ended, and end this process."""
    error, writes = "", _mortal(asked.get("writes"))
    try:
        cluster = Cluster(connect(Access(kubeconfig=sys.argv[1], namespace=asked["namespace"])))
        if asked["verb"] == "install":
            _install(cluster, asked)
        else:
            _cleanup(cluster, asked)
    except GaieError as failure:
        error = f"{failure.detail}\n{failure.message}\n{failure.hint}"
    except BaseException as failure:  # noqa: BLE001 - a fork must not go on as its parent
        error = repr(failure)
    os.write(told, json.dumps({"killed": False, "error": error, "writes": len(writes)}).encode())
    os._exit(0)


def _mortal(limit: int | None) -> list[str]:
    """Kill this process right after so many writes; return what is written."""
    ask, writes = Cluster.ask, list[str]()

    def counted(self: Cluster, method: str, place: str, query: Any, *rest: Any, **more: Any) -> Any:
        is_write = method != "GET" and "dryRun" not in query and "accessreview" not in place
        # How often a thread renews the Lease depends on how busy the machine is.
        is_write &= threading.current_thread() is threading.main_thread()
        if limit is not None and is_write and len(writes) == limit:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(_SECONDS)
        if is_write:
            writes.append(f"{method} {place}")
        return ask(self, method, place, query, *rest, **more)

    Cluster.ask = counted  # type: ignore[assignment, method-assign] # it dies like that, and knows nothing of it
    return writes


def _install(cluster: Cluster, asked: dict[str, Any]) -> None:
    documents = json.loads(Path(asked["documents"]).read_text())
    report: Any = Silent()
    wanted = Wanted(asked["name"], asked["namespace"], "standalone", documents)
    install(cluster, wanted, report)


def _cleanup(cluster: Cluster, asked: dict[str, Any]) -> None:
    report: Any = Silent()
    is_whole = asked.get("whole", True)
    goes = Asked(asked["name"], with_crds=is_whole, with_namespace=is_whole)
    removals, shared = look(cluster, goes)
    patience = Patience(_SECONDS, lambda _: None)
    for removal in removals:
        cleanup(cluster, removal, patience, report, may_grow=True)
    remove_shared(cluster, shared, patience, report)


if __name__ == "__main__":
    main()
