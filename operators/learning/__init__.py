"""Online learners: one numba kernel a file, each working on a whole columnar batch."""
