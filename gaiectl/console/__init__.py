"""What people look at: tables, progress, errors. The only importer of rich."""
