"""Learning, ranking and narration, without a broker, a clock or a file of state."""

from operators.kernels.cache import use_cache_folder

use_cache_folder()
