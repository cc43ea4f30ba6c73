"""The operator's tools of the STEDI lakehouse."""
