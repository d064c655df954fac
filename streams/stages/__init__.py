"""The stages of the stream: profiles, items, catalog and narrator, declared in :mod:`streams.topology`."""
