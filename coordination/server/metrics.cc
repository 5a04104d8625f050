// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/metrics.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <cmath>
#include <map>

#include "coordination/server/server_core.h"

namespace ottla::coordination {
namespace {

using Kind = Metric::Kind;

struct Empty {
  Kind kind;
  const char* name;
  bool is_set = false;
};

// What a server alone has nothing to tell of, and why it is so here.
constexpr Empty kEmpty[] = {
    // Elections, learners, proposals and the commit processor of an ensemble.
    {Kind::kAdvancedSummary, "ack_latency", true},
    {Kind::kSummary, "commit_commit_proc_req_queued"},
    {Kind::kCounter, "commit_count"},
    {Kind::kSummary, "commit_process_time"},
    {Kind::kAdvancedSummary, "commit_propagation_latency"},
    {Kind::kSummary, "concurrent_request_processing_in_commit_processor"},
    {Kind::kCounter, "diff_count"},
    {Kind::kSummary, "election_time"},
    {Kind::kCounter, "ensemble_auth_fail"},
    {Kind::kCounter, "ensemble_auth_skip"},
    {Kind::kCounter, "ensemble_auth_success"},
    {Kind::kSummary, "follower_sync_time"},
    {Kind::kSummary, "inflight_diff_count"},
    {Kind::kSummary, "inflight_snap_count"},
    {Kind::kSummary, "leader_unavailable_time"},
    {Kind::kCounter, "learner_commit_received_count"},
    {Kind::kSummary, "learner_handler_qp_size", true},
    {Kind::kAdvancedSummary, "learner_handler_qp_time_ms", true},
    {Kind::kCounter, "learner_proposal_received_count"},
    {Kind::kSummary, "learner_request_processor_queue_size"},
    {Kind::kGauge, "local_sessions"},
    {Kind::kAdvancedSummary, "local_write_committed_time_ms"},
    {Kind::kCounter, "looking_count"},
    {Kind::kSummary, "observer_sync_time"},
    {Kind::kAdvancedSummary, "om_commit_process_time_ms"},
    {Kind::kAdvancedSummary, "om_proposal_process_time_ms"},
    {Kind::kSummary, "pending_session_queue_size"},
    {Kind::kAdvancedSummary, "proposal_ack_creation_latency"},
    {Kind::kCounter, "proposal_count"},
    {Kind::kAdvancedSummary, "proposal_latency"},
    {Kind::kCounter, "quit_leading_due_to_disloyal_voter"},
    {Kind::kAdvancedSummary, "quorum_ack_latency"},
    {Kind::kSummary, "read_commit_proc_issued"},
    {Kind::kSummary, "read_commit_proc_req_queued"},
    {Kind::kAdvancedSummary, "read_commitproc_time_ms"},
    {Kind::kAdvancedSummary, "read_final_proc_time_ms"},
    {Kind::kSummary, "reads_after_write_in_session_queue"},
    {Kind::kSummary, "reads_issued_from_session_queue"},
    {Kind::kCounter, "request_commit_queued"},
    {Kind::kSummary, "requests_in_session_queue"},
    {Kind::kCounter, "requests_not_forwarded_to_commit_processor"},
    {Kind::kCounter, "revalidate_count"},
    {Kind::kAdvancedSummary, "server_write_committed_time_ms"},
    {Kind::kSummary, "session_queues_drained"},
    {Kind::kCounter, "skip_learner_request_to_next_processor_count"},
    {Kind::kCounter, "snap_count"},  // snapshots sent to learners
    {Kind::kCounter, "stale_replies"},
    {Kind::kSummary, "time_waiting_empty_pool_in_commit_processor_read_ms"},
    {Kind::kSummary, "unavailable_time"},
    {Kind::kSummary, "write_batch_time_in_commit_processor"},
    {Kind::kSummary, "write_commit_proc_issued"},
    {Kind::kSummary, "write_commit_proc_req_queued"},
    {Kind::kAdvancedSummary, "write_commitproc_time_ms"},
    {Kind::kAdvancedSummary, "write_final_proc_time_ms"},
    // Queues and stages between threads: a request is prepared, applied and answered in one go here.
    {Kind::kAdvancedSummary, "close_session_prep_time"},
    {Kind::kCounter, "outstanding_changes_queued"},
    {Kind::kCounter, "outstanding_changes_removed"},
    {Kind::kSummary, "prep_process_time"},
    {Kind::kSummary, "prep_processor_queue_size"},
    {Kind::kAdvancedSummary, "prep_processor_queue_time_ms"},
    {Kind::kSummary, "proposal_process_time"},
    {Kind::kSummary, "sync_process_time"},
    {Kind::kSummary, "sync_processor_queue_size"},
    {Kind::kAdvancedSummary, "sync_processor_queue_time_ms"},
    // Throttles, which are for heaps that fill.
    {Kind::kGauge, "connection_drop_probability"},
    {Kind::kSummary, "connection_token_deficit"},
    {Kind::kCounter, "large_requests_rejected"},
    {Kind::kAdvancedSummary, "request_throttle_queue_time_ms"},
    {Kind::kCounter, "request_throttle_wait_count"},
    {Kind::kCounter, "stale_requests"},
    {Kind::kCounter, "stale_requests_dropped"},
    {Kind::kCounter, "throttled_ops"},
    // Caches, the cleaner of watchers that have gone, digests of the tree: none is needed or kept.
    {Kind::kCounter, "add_dead_watcher_stall_time"},
    {Kind::kAdvancedSummary, "dead_watchers_cleaner_latency"},
    {Kind::kCounter, "dead_watchers_cleared"},
    {Kind::kCounter, "dead_watchers_queued"},
    {Kind::kCounter, "digest_mismatches_count"},
    {Kind::kCounter, "response_packet_cache_hits"},
    {Kind::kCounter, "response_packet_cache_misses"},
    {Kind::kCounter, "response_packet_get_children_cache_hits"},
    {Kind::kCounter, "response_packet_get_children_cache_misses"},
    // The JVM and Netty. Handshakes of TLS are the network layer's, which logs those that fail; the admin
    // server
    // speaks plain HTTP.
    {Kind::kCounter, "insecure_admin_count"},
    {Kind::kAdvancedSummary, "jvm_pause_time_ms"},
    {Kind::kSummary, "netty_queued_buffer_capacity"},
    {Kind::kGauge, "non_mtls_local_conn_count"},
    {Kind::kGauge, "non_mtls_remote_conn_count"},
    {Kind::kGauge, "outstanding_tls_handshake"},
    {Kind::kSummary, "socket_closing_time"},
    {Kind::kCounter, "tls_handshake_exceeded"},
    {Kind::kCounter, "unsuccessful_handshake"},
    // A server that cannot go on ends; one that is not serving closes its connections by way of the others.
    {Kind::kCounter, "cnxn_closed_without_zk_server_running"},
    {Kind::kCounter, "unrecoverable_error_count"},
};

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
  template <typename Number>
  void gauge(const char* name, Number value) {
    found.push_back({Kind::kGauge, name, false, false, {{"", static_cast<double>(value), nullptr}}});
  }
  void fraction(const char* name, double value) {
    found.push_back({Kind::kGauge, name, false, true, {{"", value, nullptr}}});
  }
  void counter(const char* name, int64_t value) {
    found.push_back({Kind::kCounter, name, false, false, {{"", static_cast<double>(value), nullptr}}});
  }
  void summary(const char* name, const SampledSummary& value, Kind kind = Kind::kSummary) {
    found.push_back({kind, name, false, true, {{"", 0, &value}}});
  }
  void advanced(const char* name, const SampledSummary& value) {
    summary(name, value, Kind::kAdvancedSummary);
  }
  std::vector<Metric::Value>& set(const char* name, Kind kind) {
    found.push_back({kind, name, true, false, {}});
    return found.back().values;
  }
  std::vector<Metric> found;
};

void collect_gauges(const ServerCore& core, Collector& to) {
  const ServerCounters& counters = core.counters();
  const DataTree& tree = core.tree();
  size_t ephemerals = 0;
  for (const auto& [owner, paths] : tree.ephemerals()) ephemerals += paths.size();
  to.fraction("avg_latency", std::round(counters.latency_ms.average() * 10'000) / 10'000);
  to.gauge("max_latency", counters.latency_ms.max);
  to.gauge("min_latency", counters.latency_ms.min);
  to.gauge("packets_received", counters.received);
  to.gauge("packets_sent", counters.sent);
  to.gauge("num_alive_connections", core.connections().size());
  to.gauge("outstanding_requests", core.outstanding());
  to.gauge("uptime", core.uptime_ms());
  // ZooKeeper counts the root twice.
  to.gauge("znode_count", tree.node_count() + 1);
  to.gauge("watch_count", tree.data_watches().watch_count() + tree.child_watches().watch_count());
  to.gauge("ephemerals_count", ephemerals);
  to.gauge("approximate_data_size", tree.approximate_data_size());
  to.gauge("global_sessions", core.sessions().size());
  to.gauge("open_file_descriptor_count", open_descriptors());
  to.gauge("max_file_descriptor_count", most_descriptors());
  to.gauge("last_client_response_size", counters.last_response_bytes);
  to.gauge("max_client_response_size", counters.max_response_bytes);
  to.gauge("min_client_response_size", counters.min_response_bytes);
  to.gauge("auth_failed_count", counters.auth_failed);
}

// Limits and accounts of all limited paths, added up by namespace.
void collect_quotas(const DataTree& tree, Collector& to) {
  struct Sums {
    int64_t count_limit = 0, byte_limit = 0, count = 0, bytes = 0;
  };
  std::map<std::string, Sums, std::less<>> sums;
  for (const std::string& limited : tree.quotas().all()) {
    const std::string_view name = namespace_of(limited);
    if (name.empty()) continue;
    const auto text_of = [&](std::string_view which) {
      const Node* node = tree.find(quota_node(limited, which));
      return QuotaText::parse(node == nullptr ? "" : node->data.value_or("")).value_or(QuotaText());
    };
    const QuotaText limits = text_of(kQuotaLimits), account = text_of(kQuotaStats);
    const auto limit = [&](const char* hard, const char* soft) {
      return limits.get(hard) > -1 ? limits.get(hard) : limits.get(soft);
    };
    Sums& sum = sums[std::string(name)];
    sum.count_limit += limit("countHardLimit", "count");
    sum.byte_limit += limit("byteHardLimit", "bytes");
    sum.count += account.get("count");
    sum.bytes += account.get("bytes");
  }
  const auto show = [&](const char* name, int64_t Sums::*member) {
    auto& values = to.set(name, Kind::kGauge);
    for (const auto& [key, sum] : sums) values.push_back({key, static_cast<double>(sum.*member), nullptr});
  };
  show("quota_count_limit_per_namespace", &Sums::count_limit);
  show("quota_bytes_limit_per_namespace", &Sums::byte_limit);
  show("quota_count_usage_per_namespace", &Sums::count);
  show("quota_bytes_usage_per_namespace", &Sums::bytes);
}

void collect_counters(const ServerCore& core, Collector& to) {
  const ServerCounters& counters = core.counters();
  to.counter("bytes_received_count", counters.bytes_received);
  to.counter("response_bytes", counters.response_bytes);
  to.counter("watch_bytes", counters.watch_bytes);
  to.counter("connection_request_count", counters.connections_accepted);
  to.counter("connection_rejected", counters.connections_rejected);
  to.counter("connection_drop_count", counters.connections_dropped);
  to.counter("connection_revalidate_count", counters.sessions_resumed);
  to.counter("stale_sessions_expired", counters.sessions_expired);
  to.counter("sessionless_connections_expired", counters.sessionless_expired);
  to.counter("prep_processor_request_queued", counters.requests);
  to.counter("sync_processor_request_queued", counters.requests);
  auto& exceeded = to.set("quota_exceeded_error_per_namespace", Kind::kCounter);
  for (const auto& [key, count] : counters.quota_refusals.all())
    exceeded.push_back({key, static_cast<double>(count), nullptr});
}

void collect_summaries(const ServerCore& core, Collector& to) {
  const ServerCounters& counters = core.counters();
  const StoreCounters& store = core.store().counters();
  const TreeCounters& tree = core.tree().counters();
  to.summary("fsynctime", store.sync_ms);
  to.summary("snapshottime", store.snapshot_ms);
  to.summary("dbinittime", store.load_ms);
  to.summary("sync_processor_batch_size", store.batch_txns);
  to.summary("startup_snap_load_time", store.snapshot_load_ms);
  to.summary("startup_txns_loaded", store.txns_loaded);
  to.summary("startup_txns_load_time", store.txns_load_ms);
  to.summary("node_created_watch_count", tree.told_of_creation);
  to.summary("node_deleted_watch_count", tree.told_of_deletion);
  to.summary("node_changed_watch_count", tree.told_of_change);
  to.summary("node_children_watch_count", tree.told_of_children);
  to.advanced("readlatency", counters.read_latency_ms);
  to.advanced("updatelatency", counters.update_latency_ms);
  // What is written is applied at once and waits for the log only.
  to.advanced("propagation_latency", counters.update_latency_ms);
  to.advanced("sync_processor_queue_and_flush_time_ms", counters.update_latency_ms);
  to.advanced("sync_processor_queue_flush_time_ms", store.sync_ms);
  const auto by_key = [&](const char* name, const ByNamespace<SampledSummary>& all) {
    auto& values = to.set(name, Kind::kSummary);
    for (const auto& [key, summary] : all.all()) values.push_back({key, 0, &summary});
  };
  by_key("read_per_namespace", tree.read_bytes);
  by_key("write_per_namespace", tree.write_bytes);
}

std::vector<double> quantiles_of(const Metric& metric) {
  return metric.kind == Kind::kAdvancedSummary ? std::vector<double>{0.5, 0.9, 0.99}
                                               : std::vector<double>{0.5};
}

double quantile(const Metric::Value& value, double rank) {
  return value.summary == nullptr ? std::nan("") : value.summary->quantile(rank);
}

Summary total(const Metric::Value& value) {
  return value.summary == nullptr ? Summary() : value.summary->total();
}

std::string quoted(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '\\' || letter == '"') out += '\\';
    if (letter == '\n') {
      out += "\\n";
    } else {
      out += letter;
    }
  }
  return out;
}

// What the Java client of Prometheus calls samples: take(suffix of the name, key, quantile or "", value).
template <typename Take>
void each_sample(const Metric& metric, const Metric::Value& value, const Take& take) {
  if (!metric.is_summary()) return take("", "", value.number);
  for (const double rank : quantiles_of(metric)) take("", fmt::format("{}", rank), quantile(value, rank));
  take("_count", "", static_cast<double>(total(value).count));
  take("_sum", "", static_cast<double>(total(value).sum));
}

// As Prometheus' provider for metrics hands them to mntr.
void add_samples(const Metric& metric, std::vector<MonitorValue>& to) {
  for (const Metric::Value& value : metric.values) {
    each_sample(metric, value, [&](const char* suffix, const std::string& rank, double number) {
      std::string labels;
      if (metric.is_set) labels = fmt::format("key=\"{}\"", value.key);
      if (!rank.empty()) labels += fmt::format("{}quantile=\"{}\"", labels.empty() ? "" : ",", rank);
      if (!labels.empty()) labels = fmt::format("{{{}}}", labels);
      to.push_back({fmt::format("{}{}{}", metric.name, suffix, labels), number, true});
    });
  }
}

void add_default_values(const Metric& metric, std::vector<MonitorValue>& to) {
  for (const Metric::Value& value : metric.values) {
    const std::string name = metric.is_set ? fmt::format("{}_{}", value.key, metric.name) : metric.name;
    if (!metric.is_summary()) {
      to.push_back({name, value.number, metric.fraction});
      continue;
    }
    const Summary sums = total(value);
    to.push_back({"avg_" + name, std::round(sums.average() * 10'000) / 10'000, true});
    to.push_back({"min_" + name, static_cast<double>(sums.min), false});
    to.push_back({"max_" + name, static_cast<double>(sums.max), false});
    to.push_back({"cnt_" + name, static_cast<double>(sums.count), false});
    to.push_back({"sum_" + name, static_cast<double>(sums.sum), false});
    if (metric.kind != Kind::kAdvancedSummary) continue;
    for (const auto& [prefix, rank] : {std::pair("p50_", 0.5), std::pair("p95_", 0.95),
                                       std::pair("p99_", 0.99), std::pair("p999_", 0.999)}) {
      const double number = quantile(value, rank);
      to.push_back({prefix + name, std::isnan(number) ? 0 : number, false});
    }
  }
}

}  // namespace

std::vector<Metric> collect_metrics(const ServerCore& core) {
  Collector to;
  collect_gauges(core, to);
  collect_quotas(core.tree(), to);
  collect_counters(core, to);
  collect_summaries(core, to);
  for (const Empty& row : kEmpty) {
    const bool drop_probability = std::string_view(row.name) == "connection_drop_probability";
    to.found.push_back({row.kind, row.name, row.is_set, drop_probability, {}});
    if (!row.is_set) to.found.back().values.push_back({});
  }
  return to.found;
}

std::vector<MonitorValue> monitor_values(const ServerCore& core) {
  std::vector<MonitorValue> values;
  for (const Metric& metric : collect_metrics(core)) {
    if (core.config().prometheus) {
      add_samples(metric, values);
    } else {
      add_default_values(metric, values);
    }
  }
  return values;
}

std::string java_number(double value, bool fraction) {
  if (std::isnan(value)) return "NaN";
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
    for (const Metric::Value& value : metric.values) {
      each_sample(metric, value, [&](const char* suffix, const std::string& rank, double number) {
        std::string labels;
        if (metric.is_set) labels = fmt::format("key=\"{}\",", quoted(value.key));
        if (!rank.empty()) labels += fmt::format("quantile=\"{}\",", rank);
        if (!labels.empty()) labels = fmt::format("{{{}}}", labels);
        text += fmt::format("{}{}{} {}\n", metric.name, suffix, labels, java_number(number, true));
      });
    }
  }
  return text;
}

}  // namespace ottla::coordination
