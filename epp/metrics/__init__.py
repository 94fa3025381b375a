"""The EPP's own metrics: cheap recording on the hot path, prometheus-client at exposition."""
