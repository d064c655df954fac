"""The stages of the stream: profiles, items, catalog, narrator (design, "Three stages, three keys")."""
