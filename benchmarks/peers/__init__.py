"""The update of one user in Headwater and in other stream processors: one program per module, each its own process."""
