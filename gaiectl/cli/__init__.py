"""The command line: flags, help, exit codes. One file per verb. The only importer of typer."""
