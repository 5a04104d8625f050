// SPDX-License-Identifier: Apache-2.0
// The server's figures by the names, types, labels and quantiles of ZooKeeper 3.8 (ServerMetrics,
// ZooKeeperServer.registerMetrics): one list for the mntr command, the admin server and Prometheus. What
// measures something that does not exist here (an ensemble, queues between threads, the JVM) is there too and
// stays empty, as most of it does in a standalone ZooKeeper: dashboards and alerts find every name.
#pragma once

#include <string>
#include <vector>

#include "coordination/server/summary.h"

namespace ottla::coordination {

class ServerCore;

struct Metric {
  enum class Kind {
    kGauge,
    kCounter,
    kSummary,          // with its median
    kAdvancedSummary,  // with 0.9 and 0.99, too
  };
  struct Value {
    std::string key;  // of a set: the value of the label "key"
    double number = 0;
    const SampledSummary* summary = nullptr;  // null: nothing was ever measured
  };
  Kind kind;
  const char* name;
  bool is_set = false;    // a value for each key, at first none
  bool fraction = false;  // shown with decimals even where it is whole
  std::vector<Value> values;

  bool is_summary() const { return kind == Kind::kSummary || kind == Kind::kAdvancedSummary; }
};

// Valid as long as the server does nothing else.
std::vector<Metric> collect_metrics(const ServerCore& core);

// A line of mntr, a key of the admin server's monitor command.
struct MonitorValue {
  std::string name;
  double value;
  bool fraction;
};
// ZooKeeper shows them as its metrics provider keeps them: avg_, min_, max_, cnt_, sum_ and percentiles by
// default, what Prometheus would see where that is configured.
std::vector<MonitorValue> monitor_values(const ServerCore& core);

// "1.5", "3.0", "3", "NaN" as Java prints a double or a long.
std::string java_number(double value, bool fraction);
// The text format of Prometheus, version 0.0.4.
std::string prometheus_text(const std::vector<Metric>& metrics);

}  // namespace ottla::coordination
