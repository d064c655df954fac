"""What is kept of users and items: columns, codecs, parameters."""
