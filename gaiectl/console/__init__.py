"""What the user reads: colours, tables, live views, errors. The only importer of rich."""
