"""A broker that does not let the worker read: it stops and says what to do, and with the permission goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from streams.local_kafka import LocalKafka
from streams.settings import Settings
from streams.topics import CLICK
from tests.integration.reference import assert_exact
from tests.integration.shop import Shop
from tests.integration.test_shutdown import clicks

pytestmark = [pytest.mark.integration, pytest.mark.faults]
AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}
EVERYBODY = "User:*"


@pytest.fixture
def kafka() -> Iterator[LocalKafka]:
    settings = Settings()
    with LocalKafka(
        settings.cache_dir, kafka_home=settings.kafka_home, properties=AUTHORIZER, progress=print
    ) as broker:
        yield broker


def binding(topic: str, operation: AclOperation, permission: AclPermissionType) -> AclBinding:
    return AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, EVERYBODY, "*", operation, permission)


def test_a_topic_that_may_not_be_read_stops_the_worker(shop: Shop) -> None:
    worker = shop.worker()
    worker.wait_ready()
    lines = clicks(40)
    shop.send_lines(lines[:20])
    shop.wait_lag_zero()
    topic = shop.topic(CLICK.suffix)
    rules = [
        binding(topic, AclOperation.ALL, AclPermissionType.ALLOW),  # a topic with any rule is closed to all others
        binding(topic, AclOperation.READ, AclPermissionType.DENY),
    ]
    for made in shop.admin.create_acls(rules).values():
        made.result(30)
    assert worker.wait(60) in (1, 2), worker.log()[-3000:]
    last = worker.log().rstrip().splitlines()[-1]
    assert topic in last and "READ" in last and "Traceback" not in worker.log(), worker.log()[-3000:]

    for gone in shop.admin.delete_acls(
        [
            AclBindingFilter(
                ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, None, None, AclOperation.ANY,
                AclPermissionType.ANY,
            )
        ]
    ).values():  # fmt: skip
        gone.result(30)
    shop.send_lines(lines[20:])
    worker.start()
    shop.wait_lag_zero()
    assert assert_exact(shop).records == 40
    assert worker.stop() == 0
