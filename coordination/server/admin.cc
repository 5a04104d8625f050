// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "coordination/server/four_letter_words.h"
#include "coordination/server/metrics.h"
#include "coordination/server/server_core.h"

namespace ottla::coordination {
namespace {

using Json = nlohmann::ordered_json;
using Run = void (*)(ServerCore& core, std::string_view query, Json& out);

// `brief`: only what the stats command tells of them.
Json connections(ServerCore& core, bool secure, bool brief) {
  Json all = Json::array();
  for (const auto& [number, connection] : core.connections()) {
    if (connection->secure() != secure) continue;
    const auto& counters = connection->counters();
    Json one;
    one["remote_socket_address"] = connection->peer();
    one["interest_ops"] = 1;
    one["outstanding_requests"] = connection->outstanding();
    one["packets_received"] = counters.received;
    one["packets_sent"] = counters.sent;
    if (brief) {
      all.push_back(std::move(one));
      continue;
    }
    one["session_id"] = connection->session_id();
    one["last_operation"] = counters.last_operation;
    one["established"] = counters.established_ms;
    one["session_timeout"] = connection->session_timeout_ms();
    one["last_cxid"] = counters.last_xid;
    one["last_zxid"] = counters.last_zxid;
    one["last_response_time"] = counters.last_response_ms;
    one["last_latency"] = counters.last_latency_ms;
    one["min_latency"] = counters.latency_min_ms;
    one["avg_latency"] = counters.replies == 0 ? 0 : counters.latency_sum_ms / counters.replies;
    one["max_latency"] = counters.latency_max_ms;
    all.push_back(std::move(one));
  }
  return all;
}

void run_connections(ServerCore& core, std::string_view, Json& out) {
  out["connections"] = connections(core, false, false);
  out["secure_connections"] = connections(core, true, false);
}

void run_configuration(ServerCore& core, std::string_view, Json& out) {
  const ServerConfig& config = core.config();
  out["client_port"] = config.client_port;
  out["data_dir"] = config.data_dir + "/version-2";
  out["data_log_dir"] = config.log_dir() + "/version-2";
  out["tick_time"] = config.tick_time_ms;
  out["max_client_cnxns"] = config.max_client_connections;
  out["min_session_timeout"] = config.min_session_timeout();
  out["max_session_timeout"] = config.max_session_timeout();
  out["server_id"] = 0;
  out["client_port_listen_backlog"] = -1;
}

void run_dirs(ServerCore& core, std::string_view, Json& out) {
  const Store::Sizes sizes = core.store().sizes();
  out["datadir_size"] = sizes.snapshots;
  out["logdir_size"] = sizes.logs;
}

void run_dump(ServerCore& core, std::string_view, Json& out) {
  const int64_t wall_minus_monotonic = core.loop().wall_ms() - core.loop().monotonic_ms();
  Json& expiry = out["expiry_time_to_session_ids"] = Json::object();
  for (const auto& [expiry_ms, ids] : core.sessions().by_expiry())
    expiry[std::to_string(expiry_ms + wall_minus_monotonic)] = ids;
  Json& owned = out["session_id_to_ephemeral_paths"] = Json::object();
  for (const auto& [owner, paths] : core.tree().ephemerals()) owned[std::to_string(owner)] = paths;
}

void run_environment(ServerCore& core, std::string_view, Json& out) {
  std::istringstream lines(environment_text(core));
  std::string line;
  while (std::getline(lines, line)) {
    const size_t equals = line.find('=');
    if (equals != std::string::npos) out[line.substr(0, equals)] = line.substr(equals + 1);
  }
}

void run_monitor(ServerCore& core, std::string_view, Json& out) {
  out["version"] = kServerVersion;
  out["server_state"] = "standalone";
  for (const MonitorValue& line : monitor_values(core)) {
    Json& value = out[line.name];
    if (std::isnan(line.value)) {
      value = "NaN";
    } else if (line.fraction) {
      value = line.value;
    } else {
      value = static_cast<int64_t>(line.value);
    }
  }
}

void run_server_stats(ServerCore& core, std::string_view, Json& out) {
  const ServerCounters& counters = core.counters();
  out["version"] = kServerVersion;
  out["read_only"] = false;
  Json response;
  response["last_buffer_size"] = counters.last_response_bytes;
  response["min_buffer_size"] = counters.min_response_bytes;
  response["max_buffer_size"] = counters.max_response_bytes;
  Json& stats = out["server_stats"];
  stats["packets_sent"] = counters.sent;
  stats["packets_received"] = counters.received;
  stats["fsync_threshold_exceed_count"] = core.store().counters().slow_syncs;
  stats["client_response_stats"] = response;
  const Store::Sizes sizes = core.store().sizes();
  stats["data_dir_size"] = sizes.snapshots;
  stats["log_dir_size"] = sizes.logs;
  stats["provider_null"] = false;
  stats["max_latency"] = counters.latency_ms.max;
  stats["min_latency"] = counters.latency_ms.min;
  stats["avg_latency"] = counters.latency_ms.average();
  stats["auth_failed_count"] = counters.auth_failed;
  stats["server_state"] = "standalone";
  stats["outstanding_requests"] = core.outstanding();
  stats["num_alive_client_connections"] = core.connections().size();
  stats["last_processed_zxid"] = core.last_zxid();
  stats["uptime"] = core.uptime_ms();
  // Connections beside those of an ensemble that prove themselves by certificates.
  stats["non_mtlsremote_conn_count"] = 0;
  stats["non_mtlslocal_conn_count"] = 0;
  out["client_response"] = response;
  // ZooKeeper counts the root twice.
  out["node_count"] = core.tree().node_count() + 1;
}

void run_stats(ServerCore& core, std::string_view query, Json& out) {
  run_server_stats(core, query, out);
  out["connections"] = connections(core, false, true);
  out["secure_connections"] = connections(core, true, true);
}

int64_t session_of(ServerCore& core, WatchManager::Watcher watcher) {
  const auto connection = core.connections().find(watcher);
  return connection == core.connections().end() ? 0 : connection->second->session_id();
}

void run_watches(ServerCore& core, std::string_view, Json& out) {
  Json& found = out["session_id_to_watched_paths"] = Json::object();
  for (const auto& [watcher, paths] : core.tree().data_watches().by_watcher())
    found[std::to_string(session_of(core, watcher))] = paths;
}

void run_watches_by_path(ServerCore& core, std::string_view, Json& out) {
  Json& found = out["path_to_session_ids"] = Json::object();
  for (const auto& [path, watchers] : core.tree().data_watches().by_path()) {
    Json& ids = found[path] = Json::array();
    for (const auto& [watcher, mode] : watchers) ids.push_back(session_of(core, watcher));
  }
}

void run_watch_summary(ServerCore& core, std::string_view, Json& out) {
  const WatchManager& watches = core.tree().data_watches();
  out["num_connections"] = watches.watcher_count();
  out["num_paths"] = watches.path_count();
  out["num_total_watches"] = watches.watch_count();
}

void run_connection_stat_reset(ServerCore& core, std::string_view, Json&) {
  core.reset_connection_counters();
}
void run_stat_reset(ServerCore& core, std::string_view, Json&) { core.counters().reset_stats(); }
void run_ruok(ServerCore&, std::string_view, Json&) {}
void run_hash(ServerCore&, std::string_view, Json& out) { out["digests"] = Json::array(); }
void run_is_read_only(ServerCore&, std::string_view, Json& out) { out["read_only"] = false; }
void run_get_trace_mask(ServerCore& core, std::string_view, Json& out) {
  out["tracemask"] = core.trace_mask();
}

void run_set_trace_mask(ServerCore& core, std::string_view query, Json& out) {
  constexpr std::string_view kArgument = "traceMask=";
  int64_t mask = 0;
  const size_t at = query.find(kArgument);
  const std::string_view value = at == std::string_view::npos ? "" : query.substr(at + kArgument.size());
  if (std::from_chars(value.data(), value.data() + value.size(), mask).ec != std::errc()) {
    out["error"] = "setTraceMask requires long traceMask argument";
    return;
  }
  core.set_trace_mask(mask);
  out["tracemask"] = mask;
}

void run_leader(ServerCore&, std::string_view, Json& out) { out["error"] = "server is not initialized"; }
void run_observers(ServerCore&, std::string_view, Json& out) {
  out["synced_observers"] = 0;
  out["observers"] = Json::array();
}
void run_voting_view(ServerCore&, std::string_view, Json& out) { out["current_config"] = Json::object(); }
void run_zabstate(ServerCore&, std::string_view, Json& out) {
  out["voting"] = false;
  out["zabstate"] = "";
}
void run_initial_configuration(ServerCore& core, std::string_view, Json& out) {
  const std::string& text = core.config().initial_text;
  out["initial_configuration"] = text.empty() ? Json(nullptr) : Json(text);
}

void run_last_snapshot(ServerCore& core, std::string_view, Json& out) {
  const StoreCounters& store = core.store().counters();
  out["zxid"] = fmt::format("{:x}", static_cast<uint64_t>(store.last_snapshot_zxid));
  out["timestamp"] = store.last_snapshot_ms < 0 ? -1 : store.last_snapshot_ms / 1000;
}

// What of Java's properties says something without a JVM.
void run_system_properties(ServerCore& core, std::string_view query, Json& out) {
  Json environment;
  run_environment(core, query, environment);
  for (const char* name : {"os.arch", "os.name", "os.version", "user.dir", "user.home", "user.name"})
    out[name] = environment[name];
  out["file.separator"] = "/";
  out["path.separator"] = ":";
  out["line.separator"] = "\n";
}

struct Command {
  const char* name;
  const char* other_names;  // with commas around
  Run run;
};

constexpr Command kCommands[] = {
    {"configuration", ",conf,config,", run_configuration},
    {"connection_stat_reset", ",crst,", run_connection_stat_reset},
    {"connections", ",cons,", run_connections},
    {"dirs", "", run_dirs},
    {"dump", "", run_dump},
    {"environment", ",env,envi,", run_environment},
    {"get_trace_mask", ",gtmk,", run_get_trace_mask},
    {"hash", "", run_hash},
    {"initial_configuration", ",icfg,", run_initial_configuration},
    {"is_read_only", ",isro,", run_is_read_only},
    {"last_snapshot", ",lsnp,", run_last_snapshot},
    {"leader", ",lead,", run_leader},
    {"monitor", ",mntr,", run_monitor},
    {"observer_connection_stat_reset", ",orst,", run_ruok},
    {"observers", ",obsr,", run_observers},
    {"ruok", "", run_ruok},
    {"server_stats", ",srvr,", run_server_stats},
    {"set_trace_mask", ",stmk,", run_set_trace_mask},
    {"stat_reset", ",srst,", run_stat_reset},
    {"stats", ",stat,", run_stats},
    {"system_properties", ",sysp,", run_system_properties},
    {"voting_view", "", run_voting_view},
    {"watch_summary", ",wchs,", run_watch_summary},
    {"watches", ",wchc,", run_watches},
    {"watches_by_path", ",wchp,", run_watches_by_path},
    {"zabstate", "", run_zabstate},
};

const Command* find_command(std::string_view name) {
  const std::string listed = "," + std::string(name) + ",";
  const auto* entry = std::find_if(std::begin(kCommands), std::end(kCommands), [&](const Command& row) {
    return name == row.name || std::string_view(row.other_names).find(listed) != std::string_view::npos;
  });
  return entry == std::end(kCommands) ? nullptr : entry;
}

std::string links(const std::string& url) {
  std::string page;
  for (const Command& command : kCommands)
    page += fmt::format("<a href=\"{0}/{1}\">{1}</a>\n<br/>\n", url, command.name);
  return page;
}

}  // namespace

HttpAnswer answer_admin(ServerCore& core, std::string_view target) {
  const size_t question = std::min(target.find('?'), target.size());
  std::string_view path = target.substr(0, question);
  const std::string_view query = target.substr(std::min(question + 1, target.size()));
  const std::string& url = core.config().admin_url;
  if (!path.starts_with(url)) return {404, "text/plain", "Not found\n"};
  path.remove_prefix(url.size());
  if (path.empty() || path == "/") return {200, "text/html", links(url)};
  if (path.front() != '/') return {404, "text/plain", "Not found\n"};
  path.remove_prefix(1);
  const Command* command = find_command(path);
  Json out;
  out["command"] = command == nullptr ? std::string(path) : command->name;
  if (command == nullptr) {
    out["error"] = "Unknown command: " + std::string(path);
  } else if (!core.serving()) {
    out["error"] = "This ZooKeeper instance is not currently serving requests";
  } else {
    out["error"] = nullptr;
    command->run(core, query, out);
  }
  // Paths may hold bytes that are no UTF-8.
  return {200, "application/json", out.dump(2, ' ', false, Json::error_handler_t::replace)};
}

HttpAnswer answer_metrics(ServerCore& core, std::string_view target) {
  if (target.substr(0, target.find('?')) != "/metrics") return {404, "text/plain", "Not found\n"};
  return {200, "text/plain; version=0.0.4; charset=utf-8", prometheus_text(collect_metrics(core))};
}

}  // namespace ottla::coordination
