"""What of a batch one item partition needs, as numbers local to a message.

The items of a batch are renumbered first, so that only one pass goes to arrays of all items: in a large shop those are
far away in memory.
"""

from __future__ import annotations

from numba import njit

from operators.kernels.prefetch import AHEAD, prefetch


@njit(cache=True, nogil=True)
def renumber(items, mark, distinct):  # type: ignore[no-untyped-def]
    """Replace each item by the place of its first appearance among the distinct ones, which fill `distinct`; -1 stays.

    Returns how many are distinct; `mark` is all 0 before and after.
    """
    count = 0
    for place in range(len(items)):
        if place + AHEAD < len(items):
            prefetch(mark, items[place + AHEAD])
        item = items[place]
        if item < 0:
            continue
        if mark[item] == 0:
            distinct[count] = item
            count += 1
            mark[item] = count
        items[place] = mark[item] - 1
    for place in range(count):
        mark[distinct[place]] = 0
    return count


@njit(cache=True, nogil=True)
def select(  # type: ignore[no-untyped-def]
    target, weight, marks, previous, context_start, context, context_rank, sgd_start, sgd_item, sgd_coefficient,
    row_partition, partition, mark,
    events, local_target, local_previous, context_count, local_context, local_rank,
    sgd_count, local_sgd, local_coefficient, named,
):  # fmt: skip
    """Fill the output arrays (from `events` on) for one partition; `mark` is all 0 before and after.

    An event is taken when its target, a context item, its previous item or an SGD item lies in the partition. A row of
    the target reads all context items, the other rows read the target: so all of the context is taken with a target
    of the partition, else only its own items. Local numbers are 1 + place in `named`, 0 is none.
    Returns the counts (events, context items, SGD items, named items).
    """
    taken = 0
    pairs = 0
    examples = 0
    names = 0
    for event in range(len(target)):
        counts = (weight[event] > 0.0 or marks[event] > 0) and target[event] >= 0
        own = target[event] >= 0 and row_partition[target[event]] == partition
        first_pair, first_example = pairs, examples
        for place in range(context_start[event], context_start[event + 1] if counts else context_start[event]):
            item = context[place]
            if own or row_partition[item] == partition:
                local_context[pairs], names = _name(item, mark, named, names)
                local_rank[pairs] = context_rank[place]
                pairs += 1
        for place in range(sgd_start[event], sgd_start[event + 1]):
            item = sgd_item[place]
            if row_partition[item] == partition:
                local_sgd[examples], names = _name(item, mark, named, names)
                local_coefficient[examples] = sgd_coefficient[place]
                examples += 1
        follows = counts and previous[event] >= 0 and row_partition[previous[event]] == partition
        if not (own or follows or pairs > first_pair or examples > first_example):
            continue
        local_target[taken] = 0
        local_previous[taken] = 0
        if own or follows or pairs > first_pair:
            local_target[taken], names = _name(target[event], mark, named, names)
        if follows:
            local_previous[taken], names = _name(previous[event], mark, named, names)
        context_count[taken] = pairs - first_pair
        sgd_count[taken] = examples - first_example
        events[taken] = event
        taken += 1
    for place in range(names):
        mark[named[place]] = 0
    return taken, pairs, examples, names


@njit(cache=True, nogil=True)
def _name(item, mark, named, names):  # type: ignore[no-untyped-def]
    if mark[item] == 0:
        named[names] = item
        names += 1
        mark[item] = names
    return mark[item], names
