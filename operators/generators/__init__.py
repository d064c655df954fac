"""Candidate generators: one file each, one interface (`base.Generator`)."""
