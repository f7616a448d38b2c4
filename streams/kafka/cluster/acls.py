"""ACLs: a User's own consumer may read that User's topics and nothing else."""

import shlex
from dataclasses import dataclass

from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, KafkaAdminClient, ResourcePattern, ResourceType

from models.errors import ConfigurationError
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.topic_names import Topics

_TYPES = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}
_OPERATIONS = {"Read": ACLOperation.READ, "Describe": ACLOperation.DESCRIBE}


@dataclass(frozen=True)
class AclRule:
    """One right of `principal` on one topic or group, by its exact name.

    It is never a prefix: `impact-alerts.A` as a prefix would include `impact-alerts.AB`.
    """

    principal: str
    operation: str
    kind: str
    name: str

    def command(self, bootstrap_servers: str) -> str:
        """The command for Kafka's own tool."""
        words = ["kafka-acls.sh", "--bootstrap-server", bootstrap_servers, "--add", "--allow-principal", self.principal]
        return shlex.join([*words, "--operation", self.operation, f"--{self.kind}", self.name, "--resource-pattern-type", "literal"])


def grants(parameters: KafkaParameters, user: str, principal: str) -> tuple[AclRule, ...]:
    """The rules that let `principal` (`User:…` at the brokers) read `user`'s own alerts and reports as group `impact-alerts.<USER>`."""
    topics = Topics(parameters.topic_prefix)
    own = [topics.alerts_of(user), topics.reports_of(user)]
    return (
        *(AclRule(principal, operation, "topic", name) for name in own for operation in ("Read", "Describe")),
        AclRule(principal, "Read", "group", topics.alerts_of(user)),
    )


def allow(client: KafkaAdminClient, given: tuple[AclRule, ...]) -> None:
    """Applies the rules. Raises ConfigurationError if the cluster has no authorizer or refuses."""
    acls = [
        ACL(
            principal=grant.principal,
            host="*",
            operation=_OPERATIONS[grant.operation],
            permission_type=ACLPermissionType.ALLOW,
            resource_pattern=ResourcePattern(_TYPES[grant.kind], grant.name, ACLResourcePatternType.LITERAL),
        )
        for grant in given
    ]
    failed = client.create_acls(acls)["failed"]
    if failed:
        names = ", ".join(sorted({fault.__name__ for fault in failed}))
        raise ConfigurationError(f"the cluster refused the grants ({names}): is an authorizer configured (authorizer.class.name)?")
