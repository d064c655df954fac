"""Asks the broker who is in a consumer group."""

from __future__ import annotations

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient


def has_other_member(admin: AdminClient, group: str, instance: str, member: str, timeout: float) -> bool:
    """Whether the group has a member of the name ``instance`` with another id than ``member``; blocks.

    False also where the broker does not answer: who is not in the group any more cannot commit in any case.
    """
    try:
        found = admin.describe_consumer_groups([group], request_timeout=timeout)[group].result()
    except KafkaException:
        return False
    return any(each.group_instance_id == instance and each.member_id != member for each in found.members)
