// SPDX-License-Identifier: Apache-2.0
#include "broker/program/program.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>

#include "broker/config/broker_config.h"
#include "broker/config/properties.h"
#include "broker/net/uv_loop.h"
#include "broker/program/broker.h"
#include "broker/program/coordination_service.h"
#include "broker/program/unused_pages.h"
#include "broker/program/zookeeper_access.h"
#include "coordination/in_process_client.h"
#include "protocol/base/log.h"

namespace ottla {
namespace {

constexpr const char* kComponent = "ottla";
// What `ottla start` uses where nothing is said: one machine can not hold more than one replica of its own
// topics.
constexpr std::array<std::pair<const char*, const char*>, 4> kOneMachineDefaults = {{
    {"offsets.topic.replication.factor", "1"},
    {"transaction.state.log.replication.factor", "1"},
    {"transaction.state.log.min.isr", "1"},
    {"group.initial.rebalance.delay.ms", "0"},
}};
constexpr const char* kDefaultConnect = "localhost:2181";
constexpr const char* kDefaultDataDir = "/tmp/zookeeper";
// After it began to serve; what is touched in the first moments has been by then.
constexpr int64_t kStartedMs = 2000;

std::array<uint8_t, 16> random_bytes() {
  std::array<uint8_t, 16> bytes{};
  OTTLA_CHECK(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return bytes;
}

Result<coordination::ServerConfig> read_zookeeper_config(const std::string& path) {
  const auto file = config::read_properties(path);
  if (!file.ok()) return file.status();
  auto parsed = coordination::parse_server_config(file->properties, file->name);
  if (!parsed.ok()) return parsed.status();
  for (const std::string& warning : parsed->warnings) log_warn(kComponent, "{}", warning);
  return std::move(parsed->config);
}

// Machines with less than four processors have the others of them for clients and the kernel.
int loop_count(const config::BrokerConfig& config) {
  if (config.network_loops > 0) return config.network_loops;
  const auto processors = static_cast<int>(std::thread::hardware_concurrency());
  return std::min(config.num_network_threads, std::max(1, processors / 2));
}

// One run: the loops, and whichever of the two servers the command asks for.
class Program {
 public:
  explicit Program(const CommandLine& command_line)
      : command_line_(command_line), files_(storage::posix_file_system()) {}

  int run() {
    for (const int signal : {SIGTERM, SIGINT}) loop_.on_signal(signal, [this] { stop(0); });
    const Status prepared = command_line_.command == CommandLine::Command::kZookeeper ? prepare_coordination()
                            : command_line_.command == CommandLine::Command::kServer  ? prepare_server()
                                                                                      : prepare_start();
    if (!prepared.ok()) {
      log_error(kComponent, "{}", prepared.message());
      return 1;
    }
    if (broker_) {
      broker_->start([this](const Status& started) {
        if (started.ok()) return ready();
        log_error(kComponent, "{}", started.message());
        stop(1);
      });
    } else {
      ready();
    }
    loop_.run();
    if (loops_) loops_->stop();
    broker_.reset();
    coordination_.reset();
    return exit_code_;
  }

 private:
  Status prepare_coordination() {
    coordination::ServerConfig config;
    if (!command_line_.zookeeper_properties.empty()) {
      auto read = read_zookeeper_config(command_line_.zookeeper_properties);
      if (!read.ok()) return read.status();
      config = std::move(*read);
      if (config.client_port == 0) {
        return {ErrorCode::INVALID_CONFIG, command_line_.zookeeper_properties +
                                               ": clientPort is missing: add, for example, clientPort=2181"};
      }
    } else {
      config.client_port = *command_line_.zookeeper_port;
      config.data_dir = command_line_.zookeeper_data_dir;
    }
    return open_coordination(std::move(config));
  }

  Status prepare_server() {
    auto config = load_config(true);
    if (!config.ok()) return config.status();
    auto access = open_zookeeper_access(*config, std::getenv("KAFKA_OPTS"), flush_list_, *files_);
    if (!access.ok()) return access.status();
    zookeeper_address_ = config->zookeeper_connect;
    tunnel_ = std::move(access->tunnel);
    make_broker(std::move(*config), std::move(access->client));
    broker_->fence_leadership();
    return {};
  }

  Status prepare_start() {
    auto config = load_config(false);
    if (!config.ok()) return config.status();
    if (config->zookeeper_tls || config->zookeeper_set_acl) {
      log_warn(kComponent,
               "zookeeper.ssl.client.enable and zookeeper.set.acl have no effect: coordination is in this "
               "process");
    }
    auto settings = coordination_settings(*config);
    if (!settings.ok()) return settings.status();
    std::string chroot;
    if (!config->zookeeper_connect.empty()) {
      const auto connect = coordination::ConnectString::parse(config->zookeeper_connect);
      if (connect.ok()) chroot = connect->chroot;
    }
    const Status opened = open_coordination(std::move(*settings));
    if (!opened.ok()) return opened;
    auto client = coordination::make_in_process_client(loop_, coordination_->server(), chroot,
                                                       config->zookeeper_session_timeout_ms);
    make_broker(std::move(*config), std::move(client));
    return {};
  }

  // The port that coordination opens: clientPort of its own file, else the one in zookeeper.connect, which
  // must be of this machine; without either, none. Without any file, ZooKeeper's usual one.
  Result<coordination::ServerConfig> coordination_settings(const config::BrokerConfig& broker) {
    coordination::ServerConfig settings;
    settings.client_port = -1;
    bool port_given = false;
    if (!command_line_.zookeeper_properties.empty()) {
      auto read = read_zookeeper_config(command_line_.zookeeper_properties);
      if (!read.ok()) return read.status();
      settings = std::move(*read);
      port_given = settings.client_port != 0;
      if (!port_given) settings.client_port = -1;
    }
    if (settings.data_dir.empty()) settings.data_dir = kDefaultDataDir;
    std::string connect = broker.zookeeper_connect;
    const bool no_file =
        command_line_.server_properties.empty() && command_line_.zookeeper_properties.empty();
    if (connect.empty() && no_file) connect = kDefaultConnect;
    if (connect.empty()) return settings;
    const auto parsed = coordination::ConnectString::parse(connect);
    if (!parsed.ok())
      return Status(parsed.status().code(), "zookeeper.connect: " + parsed.status().message());
    if (parsed->hosts.size() != 1 || !names_this_machine(parsed->hosts[0].host)) {
      return Status(ErrorCode::INVALID_CONFIG,
                    "zookeeper.connect=" + connect +
                        " names another machine, but `ottla start` runs its own coordination: use "
                        "`ottla server` to join that ensemble, or let zookeeper.connect name this machine");
    }
    if (!port_given) {
      settings.client_port = parsed->hosts[0].port;
      if (parsed->hosts[0].host != "localhost") settings.client_port_address = parsed->hosts[0].host;
    }
    return settings;
  }

  Result<config::BrokerConfig> load_config(bool zookeeper_required) {
    std::optional<std::string> path;
    if (!command_line_.server_properties.empty()) path = command_line_.server_properties;
    auto loaded =
        config::load_broker_config(path, command_line_.overrides, {.zookeeper_required = zookeeper_required});
    if (!loaded.ok()) return loaded.status();
    for (const std::string& warning : loaded->warnings) log_warn(kComponent, "{}", warning);
    if (zookeeper_required) return std::move(loaded->config);
    config::ConfigMap values = loaded->config.values;
    for (const auto& [key, value] : kOneMachineDefaults) values.try_emplace(key, value);
    return config::make_broker_config(std::move(values));
  }

  Status open_coordination(coordination::ServerConfig config) {
    auto opened = CoordinationService::open(flush_list_, *files_, std::move(config));
    if (!opened.ok()) return opened.status();
    coordination_ = std::move(*opened);
    coordination_->server().set_failure_handler([this](const Status& status) {
      log_error(kComponent, "coordination can not go on: {}", status.message());
      stop(1);
    });
    zookeeper_address_ = coordination_->address();
    return {};
  }

  void make_broker(config::BrokerConfig config, std::unique_ptr<coordination::Client> client) {
    const bool always = config.network_threads_always;
    loops_ = std::make_unique<net::Loops>(
        loop_, flush_list_, loop_count(config),
        always ? net::Loops::Threads::kAlways : net::Loops::Threads::kWhenWorthIt);
    if (loops_->size() > 1) {
      log_info(kComponent, "{}{} threads read requests and write responses", always ? "" : "up to ",
               loops_->size());
      loop_.post([this] { loops_->start(); });
    }
    broker_ = std::make_unique<Broker>(*loops_, *files_, std::move(config), std::move(client), random_bytes,
                                       [this](const Status& status) {
                                         log_error(kComponent, "{}", status.message());
                                         stop(1);
                                       });
  }

  void ready() {
    std::string line = "ready";
    if (broker_) line += " kafka=" + broker_->addresses();
    if (!zookeeper_address_.empty()) line += " zookeeper=" + zookeeper_address_;
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
    started_a_while_ago_->start(kStartedMs);
  }

  void stop(int exit_code) {
    if (stopping_) {
      // A second signal: whoever sends it does not want to wait.
      if (exit_code == 0) std::_Exit(1);
      exit_code_ = exit_code;
      return;
    }
    stopping_ = true;
    exit_code_ = exit_code;
    if (broker_) return broker_->stop([this] { stop_coordination(); });
    stop_coordination();
  }

  void stop_coordination() {
    if (!coordination_) return loop_.stop();
    coordination_->stop([this] { loop_.stop(); });
  }

  const CommandLine& command_line_;
  net::UvLoop loop_;
  net::FlushList flush_list_{loop_};
  std::unique_ptr<storage::FileSystem> files_;
  std::unique_ptr<net::Loops> loops_;
  std::unique_ptr<CoordinationService> coordination_;
  std::unique_ptr<net::TlsTunnel> tunnel_;
  std::unique_ptr<Broker> broker_;
  std::string zookeeper_address_;
  std::unique_ptr<Timer> started_a_while_ago_ = loop_.make_timer([] { let_go_of_code(); });
  int exit_code_ = 0;
  bool stopping_ = false;
};

}  // namespace

int run_program(const CommandLine& command_line) { return Program(command_line).run(); }

}  // namespace ottla
