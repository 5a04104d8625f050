// SPDX-License-Identifier: Apache-2.0
// The server's figures by the names that ZooKeeper 3.8 gives them (ZooKeeperServer.registerMetrics,
// ServerMetrics): one list for the mntr command, the admin server and Prometheus. Figures of things that do
// not exist here (election, followers, the JVM, Netty) are left out.
#pragma once

#include <string>
#include <vector>

#include "coordination/server/summary.h"

namespace ottla::coordination {

class ServerCore;

struct Metric {
  enum class Kind { kGauge, kCounter, kSummary };
  Kind kind;
  const char* name;
  double value = 0;
  bool fraction = false;  // shown with decimals even where it is whole
  Summary summary = {};
};

std::vector<Metric> collect_metrics(const ServerCore& core);
// "1.5", "3.0", "3" as Java prints a double or a long.
std::string java_number(double value, bool fraction);
// The text format of Prometheus, version 0.0.4.
std::string prometheus_text(const std::vector<Metric>& metrics);

}  // namespace ottla::coordination
