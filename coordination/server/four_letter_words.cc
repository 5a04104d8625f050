// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/four_letter_words.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <map>
#include <vector>

#include "coordination/server/metrics.h"
#include "coordination/server/server_core.h"

namespace ottla::coordination {
namespace {

std::string connection_line(const ServerConnection& connection, bool brief) {
  const auto& counters = connection.counters();
  std::string line = fmt::format(" /{}[1](queued={},recved={},sent={}", connection.peer(),
                                 connection.outstanding(), counters.received, counters.sent);
  if (brief || connection.session_id() == 0) return line + ")\n";
  line += fmt::format(",sid=0x{:x},lop={},est={},to={}", static_cast<uint64_t>(connection.session_id()),
                      counters.last_operation, counters.established_ms, connection.session_timeout_ms());
  if (counters.last_xid >= 0) line += fmt::format(",lcxid=0x{:x}", static_cast<uint32_t>(counters.last_xid));
  const int64_t average_ms = counters.replies == 0 ? 0 : counters.latency_sum_ms / counters.replies;
  return line + fmt::format(",lzxid=0x{:x},lresp={},llat={},minlat={},avglat={},maxlat={})\n",
                            static_cast<uint64_t>(counters.last_zxid), counters.last_response_ms,
                            counters.last_latency_ms, counters.latency_min_ms, average_ms,
                            counters.latency_max_ms);
}

std::string connection_lines(ServerCore& core, bool brief) {
  std::string text;
  for (const auto& [number, connection] : core.connections()) text += connection_line(*connection, brief);
  return text + "\n";
}

std::string srvr_or_stat(ServerCore& core, bool with_clients) {
  const auto& counters = core.counters();
  std::string text = fmt::format("Zookeeper version: {}\n", kServerVersion);
  if (with_clients) text += "Clients:\n" + connection_lines(core, true);
  text += fmt::format("Latency min/avg/max: {}/{}/{}\n", counters.latency_ms.min,
                      java_number(std::round(counters.latency_ms.average() * 10'000) / 10'000, true),
                      counters.latency_ms.max);
  text += fmt::format(
      "Received: {}\nSent: {}\nConnections: {}\nOutstanding: {}\nZxid: 0x{:x}\nMode: standalone\n",
      counters.received, counters.sent, core.connections().size(), core.outstanding(),
      static_cast<uint64_t>(core.last_zxid()));
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
  const Store::Sizes sizes = core.store().sizes();
  std::string text =
      fmt::format("clientPort={}\nsecureClientPort={}\n", config.client_port, config.security.secure_port);
  text += fmt::format("dataDir={}/version-2\ndataDirSize={}\n", config.data_dir, sizes.snapshots);
  text += fmt::format("dataLogDir={}/version-2\ndataLogSize={}\n", config.log_dir(), sizes.logs);
  text += fmt::format("tickTime={}\nmaxClientCnxns={}\n", config.tick_time_ms, config.max_client_connections);
  text += fmt::format("minSessionTimeout={}\nmaxSessionTimeout={}\n", config.min_session_timeout(),
                      config.max_session_timeout());
  return text + "clientPortListenBacklog=-1\nserverId=0\n";
}

std::string dirs(ServerCore& core) {
  const Store::Sizes sizes = core.store().sizes();
  return fmt::format("datadir_size: {}\nlogdir_size: {}\n", sizes.snapshots, sizes.logs);
}

std::string mntr(ServerCore& core) {
  std::string text = fmt::format("zk_version\t{}\nzk_server_state\tstandalone\n", kServerVersion);
  for (const MonitorValue& line : monitor_values(core))
    text += fmt::format("zk_{}\t{}\n", line.name, java_number(line.value, line.fraction));
  return text;
}

// As java.util.Date prints it: "Mon Nov 23 00:31:20 UTC 2026".
std::string java_date(int64_t wall_ms) {
  const std::time_t seconds = wall_ms / 1000;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const size_t length = std::strftime(text.data(), text.size(), "%a %b %d %H:%M:%S %Z %Y", &parts);
  return {text.data(), length};
}

std::string dump_connections(ServerCore& core, int64_t wall_minus_monotonic) {
  std::map<int64_t, int64_t> expiry_of;
  for (const auto& [expiry_ms, ids] : core.sessions().by_expiry()) {
    for (const int64_t id : ids) expiry_of[id] = expiry_ms + wall_minus_monotonic;
  }
  std::map<int64_t, std::vector<const ServerConnection*>> sets;
  for (const auto& [number, connection] : core.connections()) {
    const auto session = expiry_of.find(connection->session_id());
    const int64_t silent_until = connection->counters().established_ms + core.config().sessionless_timeout_ms;
    sets[session == expiry_of.end() ? silent_until : session->second].push_back(connection);
  }
  std::string text =
      fmt::format("Connections dump:\nConnections Sets ({})/({}):\n", sets.size(), core.connections().size());
  for (const auto& [expiry_ms, connections] : sets) {
    text += fmt::format("{} expire at {}:\n", connections.size(), java_date(expiry_ms));
    for (const auto* connection : connections) {
      text += fmt::format("\tip: /{} sessionId: 0x{:x}\n", connection->peer(),
                          static_cast<uint64_t>(connection->session_id()));
    }
  }
  return text;
}

std::string dump(ServerCore& core) {
  const auto& by_expiry = core.sessions().by_expiry();
  const int64_t wall_minus_monotonic = core.loop().wall_ms() - core.loop().monotonic_ms();
  std::string text = fmt::format("SessionTracker dump:\nSession Sets ({})/({}):\n", by_expiry.size(),
                                 core.sessions().size());
  for (const auto& [expiry_ms, ids] : by_expiry) {
    text += fmt::format("{} expire at {}:\n", ids.size(), java_date(expiry_ms + wall_minus_monotonic));
    for (const int64_t id : ids) text += fmt::format("\t0x{:x}\n", static_cast<uint64_t>(id));
  }
  const auto& ephemerals = core.tree().ephemerals();
  text += fmt::format("ephemeral nodes dump:\nSessions with Ephemerals ({}):\n", ephemerals.size());
  for (const auto& [owner, paths] : ephemerals) {
    text += fmt::format("0x{:x}:\n", static_cast<uint64_t>(owner));
    for (const auto& path : paths) text += "\t" + path + "\n";
  }
  return text + dump_connections(core, wall_minus_monotonic);
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

std::string srst(ServerCore& core) {
  core.counters().reset_stats();
  return "Server stats reset.\n";
}

std::string crst(ServerCore& core) {
  core.reset_connection_counters();
  return "Connection stats reset.\n";
}

std::string gtmk(ServerCore& core) { return std::to_string(core.trace_mask()); }

// The history of the tree's digests, of which none are made here.
std::string hash(ServerCore&) { return ""; }

struct Word {
  const char* name;
  std::string (*answer)(ServerCore&);
};

constexpr Word kWords[] = {
    {"ruok", ruok},
    {"srvr", srvr},
    {"stat", stat},
    {"mntr", mntr},
    {"conf", conf},
    {"cons", cons},
    {"dump", dump},
    {"wchs", wchs},
    {"wchc", wchc},
    {"wchp", wchp},
    {"envi", environment_text},
    {"isro", isro},
    {"srst", srst},
    {"crst", crst},
    {"dirs", dirs},
    {"gtmk", gtmk},
    {"stmk", gtmk},
    {"hash", hash},
};

const Word* find_word(const std::string& word) {
  const auto* entry =
      std::find_if(std::begin(kWords), std::end(kWords), [&](const Word& row) { return word == row.name; });
  return entry == std::end(kWords) ? nullptr : entry;
}

}  // namespace

std::string environment_text(ServerCore&) {
  utsname system{};
  ::uname(&system);
  const char* user = std::getenv("USER");
  const char* home = std::getenv("HOME");
  std::array<char, 4096> directory{};
  const bool known = ::getcwd(directory.data(), directory.size()) != nullptr;
  return fmt::format(
      "Environment:\nzookeeper.version={}\nhost.name={}\nos.name={}\nos.arch={}\nos.version={}\n"
      "user.name={}\nuser.home={}\nuser.dir={}\n",
      kServerVersion, system.nodename, system.sysname, system.machine, system.release,
      user != nullptr ? user : "", home != nullptr ? home : "", known ? directory.data() : "");
}

bool is_four_letter_word(const std::string& word) { return find_word(word) != nullptr; }

std::string answer_four_letter_word(ServerCore& core, const std::string& word, Bytes argument) {
  const auto& allowed = core.config().four_letter_words;
  const bool listed =
      word == "srvr" || std::any_of(allowed.begin(), allowed.end(),
                                    [&](const std::string& name) { return name == "*" || name == word; });
  if (!listed) return word + " is not executed because it is not in the whitelist.\n";
  if (!core.serving()) return "This ZooKeeper instance is not currently serving requests\n";
  if (word == "stmk") core.set_trace_mask(Reader(argument).int64());
  return find_word(word)->answer(core);
}

}  // namespace ottla::coordination
