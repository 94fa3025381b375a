"""What model servers really hold in their KV caches, from the events that they publish.

``events`` reads them, ``stream`` puts them in order, ``subscriber`` brings them over ZeroMQ,
``index`` knows who holds which block of which prompt, ``hashing`` tells prompts from each other,
``tokenizer``, ``remote`` and ``estimate`` turn prompts into token ids.

Libraries of the extra ``gaiectl[precise]`` are imported when they are needed, never before.
"""
