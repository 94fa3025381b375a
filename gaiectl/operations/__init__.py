"""One module per verb: plain functions that return reports and print nothing.

May import everything below the console.
"""
