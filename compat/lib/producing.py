# SPDX-License-Identifier: Apache-2.0
"""What a producer was promised, and what is stored: for the scenarios in which servers are killed."""
import json

from . import ottla, processes
from .checks import require


def acknowledged(producer):
    """{(partition, offset): value} of what the verifiable producer says was acknowledged."""
    found = {}
    for line in list(producer.out):
        if '"producer_send_success"' in line:
            event = json.loads(line)
            found[(event["partition"], event["offset"])] = event["value"]
    return found


def wait_acknowledged(producer, count, servers, seconds=60):
    """Until `count` records in all are acknowledged; every one of `servers` must be running meanwhile."""
    def enough():
        for server in servers:
            require(server.running(), f"the broker has ended:\n{server.tail()}")
        require(producer.running(), f"the producer has ended:\n{producer.tail(10)}")
        return sum('"producer_send_success"' in line for line in list(producer.out)) >= count
    processes.wait_until(enough, seconds, f"{count} acknowledged records", every=0.1)


def read_back(bootstrap, topic):
    """{(partition, offset): value} of everything in the topic, through librdkafka."""
    lines = ottla.read_all(bootstrap, topic, "%p %o %s")
    return {(int(partition), int(offset)): value for partition, offset, value in (line.split(" ") for line in lines)}


def require_kept(promised, stored):
    """Every promised record is stored at its offset with its value."""
    lost = [key for key, value in promised.items() if stored.get(key) != value]
    require(not lost, f"{len(lost)} of {len(promised)} are lost or changed, first (partition, offset) "
            f"{sorted(lost)[:5]}; {len(stored)} are stored")
