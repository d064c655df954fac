"""Facts of a recommendation to one true, readable sentence: frames, templates, checker, prompts for a live model."""
