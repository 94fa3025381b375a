"""A model server without a model: the API, the metrics and the failures of a vLLM, at no cost.

Map: ``settings`` (what can be said) and ``flags`` (how it is said), ``engine`` (queue, slots, time)
over the pure ``slots``, ``latency``, ``kv_cache``, ``tokens`` and ``text``; ``metrics`` counts;
``answers`` speaks each API; ``faults`` and ``failures`` break things on purpose; ``server`` wires
all of it into HTTP and ``process`` runs it. Nothing here imports another package of gaiectl than
``gaiectl.errors``.
"""
