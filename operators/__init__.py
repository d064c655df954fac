"""Learning, ranking and narration, without a broker, a clock or a file of state.

A recommender learns from events, one at a time here, and ranks for a user at any moment:

>>> from operators import ItemIndex, Parameters, Recommender, UserState
>>> from schemas.records import Click
>>> parameters = Parameters()
>>> recommender = Recommender(parameters, ItemIndex(parameters))
>>> users = {name: UserState.fresh(name, parameters) for name in ("ann", "bob")}
>>> clicks = [("ann", "heat"), ("ann", "alien"), ("bob", "heat")]
>>> for offset, (name, film) in enumerate(clicks):
...     click = Click(event_id=f"e{offset}", user_id=name, item_id=film, occurred_at=offset)
...     _ = recommender.learn(users[name], click, time_ms=offset, source=0, offset=offset)
>>> ranked = recommender.rank(users["bob"], now_ms=3)
>>> [recommender.index.ids[item] for item in ranked.items]
['alien']
"""

from operators.kernels.cache import use_cache_folder as _use_cache_folder

_use_cache_folder()

from operators.evaluation.prequential import evaluate
from operators.recommender import Recommender
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_state import UserState

__all__ = ["ItemIndex", "Parameters", "Recommender", "UserState", "evaluate"]
