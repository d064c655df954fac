"""The generated parts of the documentation, one kind of table or picture a file: ``python -m headwater.docs``."""
