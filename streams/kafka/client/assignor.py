"""Assignment: partition n of every telemetry topic goes to one worker; all stage topics go to one worker."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata


def shares(partitions: Mapping[str, Iterable[int]], members: Iterable[str]) -> dict[str, dict[str, list[int]]]:
    """Member → topic → partitions, by number in turn, so that a User's rates and depths are on one worker.

    Topics of one partition belong together and go to the member at the end of the turn: it has the fewest others.
    """
    order = sorted(members)
    dealt: dict[str, dict[str, list[int]]] = {member: defaultdict(list) for member in order}
    for topic in sorted(partitions):
        numbers = sorted(partitions[topic])
        for number in numbers:
            member = order[number % len(order)] if len(numbers) > 1 else order[-1]
            dealt[member][topic].append(number)
    return {member: dict(topics) for member, topics in dealt.items()}


class SharedByNumber(AbstractPartitionAssignor):  # type: ignore[misc]  # aiokafka has no annotations that mypy follows
    """Kafka's hook for `shares`. The name is part of the group's protocol: a new name would break a rolling upgrade."""

    name = "highwater"
    version = 0

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Called on the member that leads the group."""
        topics = {topic for metadata in members.values() for topic in metadata.subscription}
        dealt = shares({topic: cluster.partitions_for_topic(topic) or () for topic in topics}, members)
        return {member: ConsumerProtocolMemberAssignment(cls.version, sorted(topics.items()), b"") for member, topics in dealt.items()}

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """The metadata that a member sends when it joins."""
        return ConsumerProtocolMemberMetadata(cls.version, sorted(topics), b"")

    @classmethod
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        """There is nothing to store: the next shares depend on the members alone."""
