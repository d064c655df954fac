"""The permission to read a source is taken away under a running worker: it stops and says what to do."""

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

from headwater.local_kafka.broker import LocalKafka
from streams.settings import Settings
from streams.topology import CLICK
from tests.faults.events import Mixed
from tests.integration.reference import assert_exact
from tests.integration.shop import Shop

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]
FIRST, MORE = 200, 300
AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}


@pytest.fixture
def kafka() -> Iterator[LocalKafka]:
    """A broker that looks at permissions."""
    settings = Settings()
    with LocalKafka(
        settings.cache_dir, kafka_home=settings.kafka_home, properties=AUTHORIZER, progress=print
    ) as broker:
        yield broker


def rule(topic: str, operation: AclOperation, permission: AclPermissionType) -> tuple[object, ...]:
    return (
        ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", operation, permission,
    )  # fmt: skip


def test_a_source_that_may_not_be_read_any_more(shop: Shop, real_lines: Mixed) -> None:
    """Started again it stops again, and acknowledges nothing; with the permission given back it goes on, exactly."""
    topic = shop.topic(CLICK.suffix)
    allow = AclBinding(*rule(topic, AclOperation.ALL, AclPermissionType.ALLOW))  # a topic with any rule needs one
    deny = rule(topic, AclOperation.READ, AclPermissionType.DENY)
    worker = shop.worker()
    worker.wait_ready()
    sent = shop.send_lines(real_lines.events[:FIRST])
    shop.wait_lag_zero()
    before = shop.committed("profiles", CLICK.suffix)
    for binding in (allow, AclBinding(*deny)):
        shop.admin.create_acls([binding])[binding].result(30)
    shop.send_lines(real_lines.events[sent : sent + MORE])
    for _ in range(2):
        assert worker.wait(60) in (1, 2), worker.log()[-3000:]
        last = worker.log().rstrip().splitlines()[-1]
        assert topic in last and "READ and DESCRIBE" in last and "Traceback" not in worker.log(), worker.log()[-3000:]
        worker.start()
    assert worker.wait(60) in (1, 2), worker.log()[-3000:]
    described = AclBindingFilter(*deny)
    shop.admin.delete_acls([described])[described].result(30)
    assert shop.committed("profiles", CLICK.suffix) == before
    worker.start()
    shop.wait_lag_zero()
    assert_exact(shop)
    assert worker.stop() == 0
