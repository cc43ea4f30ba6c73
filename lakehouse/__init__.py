"""The command line that operates the STEDI lakehouse."""
