"""The command ``headwater``: one file a command, assembled in :mod:`headwater.cli.main`.

Everything heavy is imported inside the commands, so that ``headwater --help`` answers at once.
"""
