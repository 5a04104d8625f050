// SPDX-License-Identifier: Apache-2.0
// What the command line says, and one function per subcommand. Each prints its figures as one line of JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/load/wires.h"

namespace ottla::load {

struct Options {
  std::string bootstrap = "127.0.0.1:9092";
  std::vector<int> server_pids;  // whose CPU is counted
  std::string topic = "bench";
  int32_t partitions = 1;
  bool make_topic = false;  // made before, deleted after
  int connections = 1;
  int depth = 1;    // requests under way on a connection; closed loop
  double rate = 0;  // requests per second over all connections; open loop where not 0
  int records = 1;  // in a request
  int size = 1024;  // bytes of a record's value
  std::string codec = "none";
  int acks = 1;
  double seconds = 0;          // of load; or
  int64_t requests = 0;        // so many
  double warm_up_seconds = 0;  // before what is counted
  int32_t fetch_bytes = 1 << 20;
  int consumers = 0;  // that fetch all the while (mixed)
  int count = 0;      // of topics, members, commits, connections
  bool in_one_request = false;
  int64_t bytes = 0;
  std::string path;
  std::vector<std::string> command;
  bool hold = false;  // what was started goes on until standard input ends
};

void run_produce(const Options& options);
void run_fetch(const Options& options);
void run_end_to_end(const Options& options);
void run_connections(const Options& options);
void run_topics(const Options& options);
void run_group(const Options& options);
void run_start(const Options& options);
void run_limits(const Options& options);
void run_touch(const Options& options);

}  // namespace ottla::load
