"""What ``test --perf`` measures: how long answers take, and how many there are, step by step.

``load`` says what is sent and ``prompts`` makes it; ``client`` sends it, ``reading`` hears what
comes back; ``steps`` holds the load; ``tally`` adds up what came, into ``distribution``s; ``run``
is the whole as data, ``comparison`` two of them. Nothing but ``client``, ``prefix_hits`` and
``steps`` knows a clock or a network.
"""
