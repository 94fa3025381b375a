"""What ``gaiectl check`` looks at in a cluster: before a stack comes, and after it has come.

One file per category, each with its ``CHECKS``; ``catalog`` has all of them. ``scene`` is what they
look at: what was asked once is not asked again, and what nobody may see is skipped with the rule
that would allow it. They are not the checks of the package above, which send requests and disturb
things: these read, know warnings, and do not wait for each other.
"""
