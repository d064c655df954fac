"""Source and message numbers can be read back: what the state tells of incarnations."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.broker.update_messages import message_epoch, message_number, source_number, source_place


@given(st.integers(0, 127), st.integers(0, 255), st.integers(0, 65_535))
def test_a_source_number_names_its_place(epoch: int, topic: int, partition: int) -> None:
    assert source_place(source_number(epoch, topic, partition)) == (epoch, topic, partition)


@given(st.integers(0, 127), st.integers(0, (1 << 48) - 1))
def test_a_message_number_names_its_epoch(epoch: int, offset: int) -> None:
    assert message_epoch(message_number(epoch, offset)) == epoch
