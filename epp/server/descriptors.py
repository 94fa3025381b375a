"""How many files the process may hold open: a connection is one."""

import contextlib
import resource


def allow_all() -> None:
    """Raise the soft limit of open files to the hard one, as every Go program does.

    The soft limit is often 1024, for the sake of programs that use ``select``. A pool of a thousand
    pods alone has as many connections.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # Some systems allow less than they say.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
