// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/metrics.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <cmath>

#include "coordination/server/server_core.h"

namespace ottla::coordination {
namespace {

using Kind = Metric::Kind;

double open_descriptors() {
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return -1;
  int count = -1;  // the directory's own
  while (const dirent* entry = ::readdir(directory)) count += entry->d_name[0] != '.';
  ::closedir(directory);
  return count;
}

double most_descriptors() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : -1;
}

class Collector {
 public:
  void gauge(const char* name, double value) { found.push_back({Kind::kGauge, name, value}); }
  void fraction(const char* name, double value) { found.push_back({Kind::kGauge, name, value, true}); }
  void counter(const char* name, double value) { found.push_back({Kind::kCounter, name, value}); }
  void summary(const char* name, const Summary& value) {
    found.push_back({Kind::kSummary, name, 0, false, value});
  }
  std::vector<Metric> found;
};

void collect_gauges(const ServerCore& core, Collector& to) {
  const ServerCounters& counters = core.counters();
  const DataTree& tree = core.tree();
  size_t ephemerals = 0;
  for (const auto& [owner, paths] : tree.ephemerals()) ephemerals += paths.size();
  to.fraction("avg_latency", std::round(counters.latency_ms.average() * 10'000) / 10'000);
  to.gauge("max_latency", static_cast<double>(counters.latency_ms.max));
  to.gauge("min_latency", static_cast<double>(counters.latency_ms.min));
  to.gauge("packets_received", static_cast<double>(counters.received));
  to.gauge("packets_sent", static_cast<double>(counters.sent));
  to.gauge("num_alive_connections", static_cast<double>(core.connections().size()));
  to.gauge("outstanding_requests", static_cast<double>(core.outstanding()));
  to.gauge("uptime", static_cast<double>(core.uptime_ms()));
  // ZooKeeper counts the root twice.
  to.gauge("znode_count", static_cast<double>(tree.node_count() + 1));
  to.gauge("watch_count",
           static_cast<double>(tree.data_watches().watch_count() + tree.child_watches().watch_count()));
  to.gauge("ephemerals_count", static_cast<double>(ephemerals));
  to.gauge("approximate_data_size", static_cast<double>(tree.approximate_data_size()));
  to.gauge("global_sessions", static_cast<double>(core.sessions().size()));
  to.gauge("local_sessions", 0);
  to.gauge("open_file_descriptor_count", open_descriptors());
  to.gauge("max_file_descriptor_count", most_descriptors());
  to.fraction("connection_drop_probability", 0);
  to.gauge("last_client_response_size", static_cast<double>(counters.last_response_bytes));
  to.gauge("max_client_response_size", static_cast<double>(counters.max_response_bytes));
  to.gauge("min_client_response_size", static_cast<double>(counters.min_response_bytes));
  to.gauge("outstanding_tls_handshake", 0);
  to.gauge("auth_failed_count", static_cast<double>(counters.auth_failed));
}

}  // namespace

std::vector<Metric> collect_metrics(const ServerCore& core) {
  Collector to;
  collect_gauges(core, to);
  const ServerCounters& counters = core.counters();
  const StoreCounters& store = core.store().counters();
  to.counter("bytes_received_count", static_cast<double>(counters.bytes_received));
  to.counter("response_bytes", static_cast<double>(counters.response_bytes));
  to.counter("watch_bytes", static_cast<double>(counters.watch_bytes));
  to.counter("connection_request_count", static_cast<double>(counters.connections_accepted));
  to.counter("connection_rejected", static_cast<double>(counters.connections_rejected));
  to.counter("connection_drop_count", static_cast<double>(counters.connections_dropped));
  to.counter("connection_revalidate_count", static_cast<double>(counters.sessions_resumed));
  to.counter("stale_sessions_expired", static_cast<double>(counters.sessions_expired));
  to.counter("sessionless_connections_expired", static_cast<double>(counters.sessionless_expired));
  to.counter("snap_count", static_cast<double>(store.snapshot_ms.count));
  to.summary("fsynctime", store.sync_ms);
  to.summary("snapshottime", store.snapshot_ms);
  to.summary("sync_processor_batch_size", store.batch_txns);
  to.summary("startup_snap_load_time", store.snapshot_load_ms);
  to.summary("startup_txns_loaded", store.txns_loaded);
  to.summary("startup_txns_load_time", store.txns_load_ms);
  to.summary("readlatency", counters.read_latency_ms);
  to.summary("updatelatency", counters.update_latency_ms);
  return to.found;
}

std::string java_number(double value, bool fraction) {
  if (value != std::floor(value)) return fmt::format("{}", value);
  return fmt::format("{}{}", static_cast<int64_t>(value), fraction ? ".0" : "");
}

std::string prometheus_text(const std::vector<Metric>& metrics) {
  std::string text;
  for (const Metric& metric : metrics) {
    const char* kind = metric.kind == Kind::kGauge     ? "gauge"
                       : metric.kind == Kind::kCounter ? "counter"
                                                       : "summary";
    text += fmt::format("# HELP {0} {0}\n# TYPE {0} {1}\n", metric.name, kind);
    if (metric.kind == Kind::kSummary) {
      text += fmt::format("{0}_count {1}.0\n{0}_sum {2}.0\n", metric.name, metric.summary.count,
                          metric.summary.sum);
    } else {
      text += fmt::format("{} {}\n", metric.name, java_number(metric.value, true));
    }
  }
  return text;
}

}  // namespace ottla::coordination
