"""How named tuples are made where one is made for each request."""

new_tuple = tuple.__new__
"""What a named tuple's own constructor calls: that one is Python, and costs more than the rest."""
