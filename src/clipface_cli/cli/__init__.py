"""The `clipface` command: one file per subcommand."""
