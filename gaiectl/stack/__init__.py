"""What the user wants, as a value: the ``Stack``, from ``gaie.yaml`` and flags.

Pure but for reading the file. May import ``validation``; knows no path, provider or chart.
"""
