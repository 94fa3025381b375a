"""Profile handlers: which scheduling profiles run for a request."""
