// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/four_letter_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "coordination/server/server_core.h"

namespace ottla::coordination {
namespace {

// What clients that look at the version (kafka's own tools, kazoo) are told: the ZooKeeper this behaves as.
constexpr const char* kVersion = "3.8.0-ottla, built as part of Ottla";

std::string connection_line(const ServerConnection& connection, bool brief) {
  const auto& counters = connection.counters();
  std::string line = fmt::format(" /{}[1](queued={},recved={},sent={}", connection.peer(),
                                 connection.outstanding(), counters.received, counters.sent);
  if (!brief && connection.session_id() != 0) {
    line += fmt::format(",sid=0x{:x},est={},to={}", static_cast<uint64_t>(connection.session_id()),
                        counters.established_ms, connection.session_timeout_ms());
  }
  return line + ")\n";
}

std::string connection_lines(ServerCore& core, bool brief) {
  std::string text;
  for (const auto& [number, connection] : core.connections()) text += connection_line(*connection, brief);
  return text + "\n";
}

std::string average_latency(const ServerCounters& counters) {
  if (counters.replies == 0) return "0.0";
  return fmt::format("{:.1f}",
                     static_cast<double>(counters.latency_sum_ms) / static_cast<double>(counters.replies));
}

std::string srvr_or_stat(ServerCore& core, bool with_clients) {
  const auto& counters = core.counters();
  std::string text = fmt::format("Zookeeper version: {}\n", kVersion);
  if (with_clients) text += "Clients:\n" + connection_lines(core, true);
  text += fmt::format("Latency min/avg/max: {}/{}/{}\n", counters.latency_min_ms, average_latency(counters),
                      counters.latency_max_ms);
  text += fmt::format(
      "Received: {}\nSent: {}\nConnections: {}\nOutstanding: {}\nZxid: 0x{:x}\nMode: standalone\n",
      counters.received, counters.sent, core.connections().size(), core.outstanding(), core.last_zxid());
  // ZooKeeper counts the root twice.
  return text + fmt::format("Node count: {}\n", core.tree().node_count() + 1);
}

std::string srvr(ServerCore& core) { return srvr_or_stat(core, false); }

std::string stat(ServerCore& core) { return srvr_or_stat(core, true); }

std::string ruok(ServerCore&) { return "imok"; }

std::string isro(ServerCore&) { return "rw"; }

std::string cons(ServerCore& core) { return connection_lines(core, false); }

std::string conf(ServerCore& core) {
  const ServerConfig& config = core.config();
  return fmt::format(
      "clientPort={}\nsecureClientPort=-1\ndataDir={}/version-2\ndataLogDir={}/version-2\ntickTime={}\n"
      "maxClientCnxns={}\nminSessionTimeout={}\nmaxSessionTimeout={}\nclientPortListenBacklog=-1\nserverId="
      "0\n",
      config.client_port, config.data_dir, config.log_dir(), config.tick_time_ms,
      config.max_client_connections, config.min_session_timeout(), config.max_session_timeout());
}

std::string mntr(ServerCore& core) {
  const auto& counters = core.counters();
  DataTree& tree = core.tree();
  size_t ephemerals = 0;
  for (const auto& [owner, paths] : tree.ephemerals()) ephemerals += paths.size();
  const size_t watches = tree.data_watches().watch_count() + tree.child_watches().watch_count();
  std::string text = fmt::format("zk_version\t{}\nzk_server_state\tstandalone\n", kVersion);
  text += fmt::format("zk_avg_latency\t{}\nzk_max_latency\t{}\nzk_min_latency\t{}\n",
                      average_latency(counters), counters.latency_max_ms, counters.latency_min_ms);
  text += fmt::format("zk_packets_received\t{}\nzk_packets_sent\t{}\nzk_num_alive_connections\t{}\n",
                      counters.received, counters.sent, core.connections().size());
  text += fmt::format("zk_outstanding_requests\t{}\nzk_uptime\t{}\n", core.outstanding(),
                      core.loop().monotonic_ms() - counters.started_ms);
  text += fmt::format(
      "zk_znode_count\t{}\nzk_watch_count\t{}\nzk_ephemerals_count\t{}\nzk_approximate_data_size\t{}\n",
      tree.node_count() + 1, watches, ephemerals, tree.approximate_data_size());
  return text + fmt::format("zk_global_sessions\t{}\nzk_local_sessions\t0\n", core.sessions().size());
}

std::string dump(ServerCore& core) {
  const auto& by_expiry = core.sessions().by_expiry();
  const int64_t wall_minus_monotonic = core.loop().wall_ms() - core.loop().monotonic_ms();
  std::string text = fmt::format("SessionTracker dump:\nSession Sets ({})/({}):\n", by_expiry.size(),
                                 core.sessions().size());
  for (const auto& [expiry_ms, ids] : by_expiry) {
    text += fmt::format("{} expire at {}:\n", ids.size(), expiry_ms + wall_minus_monotonic);
    for (const int64_t id : ids) text += fmt::format("\t0x{:x}\n", static_cast<uint64_t>(id));
  }
  const auto& ephemerals = core.tree().ephemerals();
  text += fmt::format("ephemeral nodes dump:\nSessions with Ephemerals ({}):\n", ephemerals.size());
  for (const auto& [owner, paths] : ephemerals) {
    text += fmt::format("0x{:x}:\n", static_cast<uint64_t>(owner));
    for (const auto& path : paths) text += "\t" + path + "\n";
  }
  text += fmt::format("Connections dump:\nConnections ({}):\n", core.connections().size());
  for (const auto& [number, connection] : core.connections()) {
    text += fmt::format("ip: /{} sessionId: 0x{:x}\n", connection->peer(),
                        static_cast<uint64_t>(connection->session_id()));
  }
  return text;
}

std::string wchs(ServerCore& core) {
  const WatchManager& watches = core.tree().data_watches();
  return fmt::format("{} connections watching {} paths\nTotal watches:{}\n", watches.watcher_count(),
                     watches.path_count(), watches.watch_count());
}

uint64_t session_of(ServerCore& core, WatchManager::Watcher watcher) {
  const auto connection = core.connections().find(watcher);
  return connection == core.connections().end() ? 0 : static_cast<uint64_t>(connection->second->session_id());
}

std::string wchc(ServerCore& core) {
  std::string text;
  for (const auto& [watcher, paths] : core.tree().data_watches().by_watcher()) {
    text += fmt::format("0x{:x}\n", session_of(core, watcher));
    for (const auto& path : paths) text += "\t" + path + "\n";
  }
  return text + "\n";
}

std::string wchp(ServerCore& core) {
  std::string text;
  for (const auto& [path, watchers] : core.tree().data_watches().by_path()) {
    text += path + "\n";
    for (const auto& [watcher, mode] : watchers) text += fmt::format("\t0x{:x}\n", session_of(core, watcher));
  }
  return text + "\n";
}

std::string envi(ServerCore&) { return fmt::format("Environment:\nzookeeper.version={}\n", kVersion); }

std::string srst(ServerCore& core) {
  const int64_t started_ms = core.counters().started_ms;
  core.counters() = ServerCounters{};
  core.counters().started_ms = started_ms;
  return "Server stats reset.\n";
}

// Words of ZooKeeper that have nothing to tell here.
std::string not_here(ServerCore&) { return "This command is not supported.\n"; }

struct Word {
  const char* name;
  std::string (*answer)(ServerCore&);
};

constexpr Word kWords[] = {
    {"ruok", ruok},     {"srvr", srvr},     {"stat", stat},     {"mntr", mntr},     {"conf", conf},
    {"cons", cons},     {"dump", dump},     {"wchs", wchs},     {"wchc", wchc},     {"wchp", wchp},
    {"envi", envi},     {"isro", isro},     {"srst", srst},     {"crst", not_here}, {"dirs", not_here},
    {"gtmk", not_here}, {"stmk", not_here}, {"hash", not_here},
};

const Word* find_word(const std::string& word) {
  const auto* entry =
      std::find_if(std::begin(kWords), std::end(kWords), [&](const Word& row) { return word == row.name; });
  return entry == std::end(kWords) ? nullptr : entry;
}

}  // namespace

bool is_four_letter_word(const std::string& word) { return find_word(word) != nullptr; }

std::string answer_four_letter_word(ServerCore& core, const std::string& word) {
  const auto& allowed = core.config().four_letter_words;
  const bool listed =
      word == "srvr" || std::any_of(allowed.begin(), allowed.end(),
                                    [&](const std::string& name) { return name == "*" || name == word; });
  if (!listed) return word + " is not executed because it is not in the whitelist.\n";
  if (!core.serving()) return "This ZooKeeper instance is not currently serving requests\n";
  return find_word(word)->answer(core);
}

}  // namespace ottla::coordination
