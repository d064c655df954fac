"""The per-user update in Headwater and in other stream processors: one program a module, each a process of its own."""
