"""The parts of ``headwater demo``: a worker of its own, real events in, recommendations out, what was measured."""
