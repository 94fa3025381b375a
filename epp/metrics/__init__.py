"""The EPP's own metrics: cheap recording on the hot path, text when it is read."""
