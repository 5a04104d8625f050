# SPDX-License-Identifier: Apache-2.0
"""What the broker offers, and the tools that measure and verify."""
import json
import re

from compat.lib.checks import Block, require

from .walk import Walk

# API: the highest version of 2.8.0's and of 4.3.1's tools that both must be able to use (None: 2.8.0 has no such API).
APIS = {
    "Produce": (9, 13), "Fetch": (12, 18), "ListOffsets": (6, 11), "Metadata": (11, 13), "OffsetCommit": (8, 10),
    "OffsetFetch": (7, 10), "FindCoordinator": (3, 6), "JoinGroup": (7, 9), "Heartbeat": (4, 4), "LeaveGroup": (4, 5),
    "SyncGroup": (5, 5), "DescribeGroups": (5, 6), "ListGroups": (4, 5), "DeleteGroups": (2, 2), "ApiVersions": (3, 4),
    "CreateTopics": (7, 7), "DeleteTopics": (6, 6), "CreatePartitions": (3, 3), "DeleteRecords": (2, 2),
    "InitProducerId": (4, 5), "OffsetForLeaderEpoch": (4, 4), "DescribeConfigs": (4, 4), "DescribeCluster": (0, 2),
    "DescribeLogDirs": (2, 5), "DescribeTopicPartitions": (None, 0),
}
RECORDS = 20000


def measures(walk: Walk):
    with walk.check("broker-api-versions"):
        _api_versions(walk)
    topic = walk.name("perf")
    walk.step("create", "kafka-topics", *walk.at_broker(), "--create", "--topic", topic, "--partitions", "1",
              out=[f"Created topic {topic}."])
    if walk.texts.major < 4:
        target, count = ("--producer-props", f"bootstrap.servers={walk.bootstrap}", "acks=all"), "--messages"
    else:
        target, count = (*walk.at_broker(), "--command-property", "acks=all"), "--num-records"
    walk.step("producer-perf-test", "kafka-producer-perf-test", "--topic", topic, "--num-records", str(RECORDS),
              "--record-size", "100", "--throughput", "-1", *target,
              out=[Block("<n> records sent, <x> records/sec (<x> MB/sec), <x> ms avg latency, <x> ms max latency."),
                   f"{RECORDS} records sent, <x> records/sec (<x> MB/sec), <x> ms avg latency, <x> ms max latency, "
                   "<n> ms 50th, <n> ms 95th, <n> ms 99th, <n> ms 99.9th."])
    walk.step("consumer-perf-test", "kafka-consumer-perf-test", *walk.at_broker(), "--topic", topic, count,
              str(RECORDS), err=walk.texts.consumer_hint(),
              out=["start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, "
                   "rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec",
                   f"<date>, <date>, <x>, <x>, {RECORDS}, <x>, <n>, <n>, <x>, <x>"])
    with walk.check("log-dirs"):
        _log_dirs(walk, topic)


def _api_versions(walk):
    lines = walk.quietly("kafka-broker-api-versions", *walk.at_broker()).out
    head = re.escape(walk.bootstrap) + r" \(id: \d+ rack: null( isFenced: false)?\) -> \("
    require(re.fullmatch(head, lines[0]), f"the first line is {lines[0]}")
    require(lines[-1] == ")", f"the last line is {lines[-1]}")
    usable = {}
    for line in lines[1:-1]:
        match = re.fullmatch(r"\t(\w+|UNKNOWN)\((\d+)\): (UNSUPPORTED|\d+(?: to \d+)?"
                             r"(?: \[(usable: (\d+)|unusable.*)\])?),?",
                             line)
        require(match, f"not a line of an API: {line!r}")
        usable[match[1]] = int(match[5]) if match[5] else None
    newer = walk.texts.major >= 4 and walk.texts.emulates == ("4.3",)
    for api, wanted in APIS.items():
        version = wanted[1 if newer else 0]
        if version is not None:
            have = usable.get(api)
            require(have is not None and have >= version, f"{api} is usable up to {have}, not up to {version}")


def _log_dirs(walk, topic):
    lines = walk.quietly("kafka-log-dirs", *walk.at_broker(), "--describe", "--topic-list", topic).out
    require(lines[:1] == ["Querying brokers for log directories information"], f"it printed {lines}")
    found = json.loads(lines[-1])
    logs = [partition for broker in found["brokers"] for folder in broker["logDirs"]
            for partition in folder["partitions"]]
    require([log["partition"] for log in logs] == [f"{topic}-0"], f"it shows {logs}")
    require(logs[0]["size"] > RECORDS * 100 and logs[0]["isFuture"] is False, f"it shows {logs}")


def verifiable(walk: Walk):
    topic = walk.name("topic")
    with walk.check("verifiable producer: every record acknowledged"):
        result = walk.quietly("kafka-verifiable-producer", *walk.at_broker(), "--topic", topic, "--max-messages", "50")
        events = _events(result.out)
        require(events[0]["name"] == "startup_complete", f"first: {events[0]}")
        sent = [event for event in events if event["name"] == "producer_send_success"]
        require(sorted(int(event["value"]) for event in sent) == list(range(50)), f"acknowledged: {sent}")
        require(sorted(event["offset"] for event in sent) == list(range(50)), f"offsets: {sent}")
        require(events[-1]["sent"] == events[-1]["acked"] == 50, f"last: {events[-1]}")
    with walk.check("verifiable consumer: every record once, and committed"):
        result = walk.quietly("kafka-verifiable-consumer", *walk.at_broker(), "--topic", topic, "--group-id",
                              walk.name("group"), "--max-messages", "50", "--reset-policy", "earliest")
        events = _events(result.out)
        names = [event["name"] for event in events]
        require(names[:2] == ["startup_complete", "partitions_assigned"], f"events: {names}")
        require("shutdown_complete" in names, f"events: {names}")
        require(sum(event["count"] for event in events if event["name"] == "records_consumed") == 50, f"{events}")
        committed = [event for event in events if event["name"] == "offsets_committed"]
        require(committed and committed[-1]["success"] and committed[-1]["offsets"][0]["offset"] == 50, f"{committed}")


def _events(lines):
    return [json.loads(line) for line in lines if line.startswith("{")]
