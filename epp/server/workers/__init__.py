"""Several transport processes that ask one scheduling process: ``--workers N``.

A worker speaks HTTP/2 and ext-proc, reads bodies and watches responses; it holds nothing that the
others would need. The scheduling process keeps what must be one: endpoints, figures, indexes,
queues. They talk over a socket pair, in messages of ``channel``.
"""
