"""Assertions that no traffic alone can show: id -> the test that shows it, or why it does not concern us."""

_SESSION = "tests/aggregator/ingest/test_session.py"
_SUBSCRIBER = "tests/aggregator/ingest/test_subscriber.py"
_PRIMARY = "tests/agent/test_primary_host.py"

SHOWN_BY: dict[str, str] = {
    "intro-group-id-string": "tests/agent/contract/test_topics.py::test_ids_are_plain",
    "intro-edge-node-id-string": "tests/agent/contract/test_topics.py::test_ids_are_plain",
    "intro-device-id-string": "tests/agent/contract/test_topics.py::test_ids_are_plain",
    "topic-structure-namespace-unique-device-id": (
        "tests/agent/test_config.py::test_a_mistake_is_told_with_its_place"
    ),
    "topic-structure-namespace-duplicate-device-id-across-edge-node": (
        "tests/system/test_foreign.py::test_machines_of_foreign_nodes_appear_count_go_and_come_back"
    ),
    "message-flow-hid-sparkplug-state-message-delivered": (
        f"{_SUBSCRIBER}::test_it_contradicts_whoever_says_that_it_is_offline"
    ),
    "message-flow-edge-node-birth-publish-phid-wait": (
        f"{_PRIMARY}::test_births_wait_for_the_host_and_end_with_it"
    ),
    "message-flow-edge-node-birth-publish-phid-wait-id": (
        f"{_PRIMARY}::test_births_wait_for_the_host_and_end_with_it"
    ),
    "message-flow-edge-node-birth-publish-phid-wait-online": (
        f"{_PRIMARY}::test_births_wait_for_the_host_and_end_with_it"
    ),
    "message-flow-edge-node-birth-publish-phid-wait-timestamp": (
        f"{_PRIMARY}::test_an_old_offline_counts_for_nothing"
    ),
    "message-flow-edge-node-birth-publish-phid-offline": (
        f"{_PRIMARY}::test_births_wait_for_the_host_and_end_with_it"
    ),
    "operational-behavior-edge-node-termination-host-offline": (
        f"{_PRIMARY}::test_births_wait_for_the_host_and_end_with_it"
    ),
    "operational-behavior-edge-node-termination-host-offline-reconnect": (
        f"{_PRIMARY}::test_births_wait_for_the_host_and_end_with_it"
    ),
    "operational-behavior-edge-node-termination-host-offline-timestamp": (
        f"{_PRIMARY}::test_an_old_offline_counts_for_nothing"
    ),
    "operational-behavior-edge-node-birth-sequence-wait": (
        f"{_PRIMARY}::test_births_wait_for_the_host_and_end_with_it"
    ),
    "operational-behavior-primary-application-state-with-multiple-servers-state-subs": (
        f"{_PRIMARY}::test_births_wait_for_the_host_and_end_with_it"
    ),
    "operational-behavior-edge-node-termination-host-action-ndeath-node-offline": (
        f"{_SESSION}::test_a_death_makes_everything_of_the_node_unknown"
    ),
    "operational-behavior-edge-node-termination-host-action-ndeath-node-tags-stale": (
        "tests/aggregator/ingest/test_agents.py::test_a_dead_agent_is_not_connected_and_what_it_said_stays"
    ),
    "operational-behavior-edge-node-termination-host-action-ndeath-devices-offline": (
        f"{_SESSION}::test_a_death_makes_everything_of_the_node_unknown"
    ),
    "operational-behavior-edge-node-termination-host-action-ndeath-devices-tags-stale": (
        "tests/aggregator/test_live.py::test_a_disconnected_machine_is_unknown_but_keeps_what_it_counted"
    ),
    "operational-behavior-device-ddeath": (
        "tests/agent/test_publisher.py::test_a_machine_that_cannot_be_read_dies_and_is_born_again"
    ),
    "operational-behavior-edge-node-termination-host-action-ddeath-devices-offline": (
        f"{_SESSION}::test_a_machines_death_counts_from_the_time_that_it_tells"
    ),
    "operational-behavior-edge-node-termination-host-action-ddeath-devices-tags-stale": (
        f"{_SESSION}::test_a_machines_death_leaves_the_others"
    ),
    "operational-behavior-host-reordering-param": (f"{_SESSION}::test_the_reorder_timeout_can_be_set"),
    "operational-behavior-host-reordering-start": (
        f"{_SESSION}::test_a_gap_asks_for_a_rebirth_after_the_reorder_timeout"
    ),
    "operational-behavior-host-reordering-success": (
        f"{_SESSION}::test_messages_out_of_order_are_put_in_order"
    ),
}

_SERVER = "it is the MQTT server's to do, and that is mosquitto or EMQX"
_TEMPLATES = "we publish no templates; those of foreign nodes are read as null"
_PROPERTIES = "we publish no property sets; of those of foreign nodes only the quality is read"
_INFRASTRUCTURE = "whoever gives out ids has to see to it; broker and certificates hold nodes apart"

NOT_OURS: dict[str, str] = {
    "intro-edge-node-id-uniqueness": _INFRASTRUCTURE,
    "topic-structure-namespace-unique-edge-node-descriptor": _INFRASTRUCTURE,
    "payloads-nbirth-edge-node-descriptor": _INFRASTRUCTURE,
    "operational-behavior-host-application-host-id": _INFRASTRUCTURE,
    "host-topic-phid-death-payload-timestamp-disconnect-with-no-disconnect-packet": (
        "the aggregator always ends with a DISCONNECT packet, if it can say anything at all"
    ),
    "message-flow-phid-sparkplug-clean-session-50": "the aggregator speaks MQTT 3.1.1",
    "operational-behavior-host-application-multi-server-timestamp": "the aggregator has one MQTT server",
    "operational-behavior-primary-application-state-with-multiple-servers-walk": (
        "an agent has one MQTT server: it ends its session, and comes back to the same one"
    ),
    "payloads-name-cmd-requirement": "it allows something, and demands nothing",
}
NOT_OURS_BY_BEGINNING: dict[str, str] = {
    "conformance-mqtt-": _SERVER,
    "topics-nbirth-templates": _TEMPLATES,
    "payloads-template-definition-": _TEMPLATES,
    "payloads-template-instance-": _TEMPLATES,
    "payloads-template-is-": _TEMPLATES,
    "payloads-template-parameter-": _TEMPLATES,
    "payloads-template-ref-": _TEMPLATES,
    "payloads-template-version": _TEMPLATES,
    "payloads-propertyset-": _PROPERTIES,
    "payloads-metric-propertyvalue-": _PROPERTIES,
}
