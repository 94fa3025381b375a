"""Values in, text out: pure functions over the templates. The only importer of jinja2."""
