// SPDX-License-Identifier: Apache-2.0
#include "broker/program/broker.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <thread>

#include "broker/config/log_config.h"
#include "broker/program/coordination_service.h"
#include "broker/takeover/takeover.h"
#include "protocol/base/log.h"

namespace ottla {

using coordination::SessionEvent;

namespace {

constexpr const char* kComponent = "broker";
constexpr const char* kOffsetsTopic = "__consumer_offsets";

groups::GroupConfig group_config(const config::BrokerConfig& config) {
  groups::GroupConfig out;
  out.group_min_session_timeout_ms = config.group_min_session_timeout_ms;
  out.group_max_session_timeout_ms = config.group_max_session_timeout_ms;
  out.group_max_size = config.group_max_size;
  out.group_initial_rebalance_delay_ms = config.group_initial_rebalance_delay_ms;
  out.offsets_retention_minutes = config.offsets_retention_ms / 60000;
  out.offsets_retention_check_interval_ms = config.offsets_retention_check_interval_ms;
  out.offset_metadata_max_bytes = config.offset_metadata_max_bytes;
  out.offsets_topic_num_partitions = config.offsets_topic_num_partitions;
  return out;
}

ZkTopicAdmin::Settings topic_settings(const config::BrokerConfig& config) {
  ZkTopicAdmin::Settings out;
  out.broker_id = config.broker_id;
  out.num_partitions = config.num_partitions;
  out.default_replication_factor = static_cast<int16_t>(config.default_replication_factor);
  out.offsets_partitions = config.offsets_topic_num_partitions;
  out.offsets_replication_factor = config.offsets_topic_replication_factor;
  out.offsets_segment_bytes = config.offsets_topic_segment_bytes;
  out.delete_topic_enable = config.delete_topic_enable;
  out.texts_of_4 = config.emulate == config::Release::k4_4;
  return out;
}

ReplicaSettings replica_settings(const config::BrokerConfig& config) {
  ReplicaSettings out;
  out.broker_id = config.broker_id;
  out.lag_time_max_ms = config.replica_lag_time_max_ms;
  out.fetch_wait_max_ms = config.replica_fetch_wait_max_ms;
  out.fetch_min_bytes = config.replica_fetch_min_bytes;
  out.fetch_max_bytes = config.replica_fetch_max_bytes;
  out.response_max_bytes = config.replica_fetch_response_max_bytes;
  out.backoff_ms = config.replica_fetch_backoff_ms;
  out.socket_timeout_ms = config.replica_socket_timeout_ms;
  return out;
}

Controller::Settings controller_settings(const config::BrokerConfig& config) {
  Controller::Settings out;
  out.broker_id = config.broker_id;
  out.delete_topic_enable = config.delete_topic_enable;
  out.inter_broker_listener = config.inter_broker_listener_name;
  out.socket_timeout_ms = config.controller_socket_timeout_ms;
  if (config.auto_leader_rebalance_enable)
    out.rebalance_interval_ms = config.leader_imbalance_check_interval_seconds * 1000;
  out.imbalance_percentage = config.leader_imbalance_per_broker_percentage;
  return out;
}

ConnectionLimits connection_limits(const config::BrokerConfig& config) {
  ConnectionLimits out;
  out.max_frame_bytes = static_cast<size_t>(config.socket_request_max_bytes);
  out.max_idle_ms = config.connections_max_idle_ms;
  out.max_connections = config.max_connections;
  out.max_connections_per_ip = config.max_connections_per_ip;
  return out;
}

// Nothing else is done before the logs are there, so that where no number is given every processor helps.
int recovery_threads(const config::BrokerConfig& config) {
  const auto processors = static_cast<int>(std::thread::hardware_concurrency());
  return config.recovery_threads_given ? config.num_recovery_threads_per_data_dir
                                       : std::max(config.num_recovery_threads_per_data_dir, processors);
}

}  // namespace

Broker::Broker(net::Loops& loops, storage::FileSystem& files, config::BrokerConfig config,
               std::unique_ptr<coordination::Client> client, RandomBytes random,
               std::function<void(Status)> fatal)
    : loops_(loops),
      flush_list_(loops.list(0)),
      loop_(flush_list_.loop()),
      files_(files),
      random_(std::move(random)),
      fatal_(std::move(fatal)),
      configs_(std::move(config)),
      client_(std::move(client)),
      peers_(flush_list_, "ottla-broker") {
  client_->set_session_handler([this](SessionEvent event) { on_session_event(event); });
  client_->set_watch_handler([this](const coordination::WatchEvent& event) {
    if (controller_) controller_->on_watch_event(event);
    if (config_changes_) config_changes_->on_watch_event(event);
  });
}

Broker::~Broker() {
  ports_.clear();
  if (isr_store_) isr_store_->stop();
  groups_.reset();
}

void Broker::start(std::function<void(Status)> done) { start_detached(run_start(std::move(done))); }

Task<void> Broker::run_start(std::function<void(Status)> done) {
  const Status status = co_await start_steps();
  // A stop that came meanwhile is already under way and answers for itself.
  if (!stopping_) done(status);
}

Task<Status> Broker::start_steps() {
  Status status = open_listeners();
  if (status.ok()) status = open_log_directories();
  if (!status.ok()) co_return status;
  status = co_await connect();
  if (!status.ok() || stopping_) co_return status;
  status = co_await takeover::take_over_kraft(*client_, files_, *logs_, configs_.broker().broker_id);
  if (!status.ok() || stopping_) co_return status;
  status = co_await join_cluster_identity();
  if (!status.ok() || stopping_) co_return status;
  status = co_await load_settings();
  if (!status.ok() || stopping_) co_return status;
  status = co_await load_logs();
  if (!status.ok() || stopping_) co_return status;
  // Not before the cluster id is safe: meta.properties must not name a cluster that a power cut took back.
  client_->when_durable([this] {
    if (!stopping_) logs_->write_identity();
  });
  make_parts();
  status = co_await join_cluster();
  if (!status.ok() || stopping_) co_return status;
  for (const auto& port : ports_) port->start();
  log_info(kComponent, "broker {} of cluster {} serves {}", configs_.broker().broker_id, metadata_.cluster_id,
           addresses());
  co_return Status();
}

Status Broker::open_listeners() {
  for (const config::Endpoint& endpoint : configs_.broker().listeners) {
    auto opened = net::Listener::open(flush_list_, endpoint.host, endpoint.port);
    if (!opened.ok()) {
      std::string hint = opened.status().message();
      if (opened.status().error_number() == EADDRINUSE) {
        hint += ". Another program has port " + std::to_string(endpoint.port) +
                ": stop it, or choose another port in listeners";
      }
      return {ErrorCode::INVALID_CONFIG, "listener " + config::format_endpoint(endpoint) + ": " + hint};
    }
    bound_.push_back({endpoint, std::move(*opened)});
  }
  return {};
}

Status Broker::open_log_directories() {
  const config::BrokerConfig& config = configs_.broker();
  storage::LogManagerSettings settings;
  for (const std::string& directory : config.log_dirs)
    settings.directories.push_back(std::filesystem::absolute(directory));
  settings.retention_check_interval_ms = config.log_retention_check_interval_ms;
  settings.flush_check_interval_ms = config.log_flush_scheduler_interval_ms;
  settings.recovery_point_checkpoint_interval_ms = config.log_flush_offset_checkpoint_interval_ms;
  settings.log_start_checkpoint_interval_ms = config.log_flush_start_offset_checkpoint_interval_ms;
  settings.high_watermark_checkpoint_interval_ms = config.replica_high_watermark_checkpoint_interval_ms;
  settings.recovery_threads_per_directory = recovery_threads(config);
  settings.cleaner = config::to_cleaner_settings(config);
  settings.max_bytes = config.log_max_bytes;
  settings.clock_jump_max_ms = config.retention_clock_jump_max_ms;
  logs_ = std::make_unique<storage::LogManager>(
      files_, loop_, std::move(settings), random_,
      [this](const std::string& directory, const Status& why) { on_directory_failed(directory, why); });
  return logs_->lock_directories();
}

void Broker::on_directory_failed(const std::string& directory, const Status& why) {
  log_error(kComponent, "log directory {} is offline: {}", directory, why.message());
  if (logs_->online_directories() == 0)
    fatal_({ErrorCode::KAFKA_STORAGE_ERROR, "no log directory is left: see log.dirs"});
}

Task<Status> Broker::connect() {
  const auto timeout = configs_.broker().zookeeper_connection_timeout_ms;
  const bool connected = co_await Callback<bool>([this, timeout](auto done) {
    connect_timer_ = loop_.make_timer([this] { std::exchange(session_opened_, nullptr)(false); });
    session_opened_ = [this, done](bool opened) {
      connect_timer_->stop();
      done(opened);
    };
    connect_timer_->start(timeout);
    const Status started = client_->start();
    if (!started.ok()) {
      log_error(kComponent, "zookeeper.connect={}: {}", client_->describe(), started.message());
      std::exchange(session_opened_, nullptr)(false);
    }
  });
  if (connected) {
    const coordination::VoidReply rooted = co_await client_->async_make_chroot();
    if (rooted.ok()) co_return co_await ensure_startup_paths(*client_);
    co_return Status(ErrorCode::UNKNOWN_SERVER_ERROR, "cannot create the chroot of " + client_->describe() +
                                                          ": " + coordination::error_text(rooted.error));
  }
  co_return Status(ErrorCode::UNKNOWN_SERVER_ERROR,
                   "no session with ZooKeeper at " + client_->describe() +
                       " within zookeeper.connection.timeout.ms=" + std::to_string(timeout) +
                       ": is it running, and does zookeeper.connect name it?");
}

Task<Status> Broker::join_cluster_identity() {
  const auto cluster = co_await obtain_cluster_id(*client_, random_);
  if (!cluster.ok()) co_return cluster.status();
  metadata_.cluster_id = *cluster;
  int32_t id = configs_.broker().broker_id;
  if (id < 0) id = logs_->identity().broker_id;
  if (id < 0) {
    if (!configs_.broker().broker_id_generation_enable) {
      co_return Status(ErrorCode::INVALID_CONFIG,
                       "broker.id is not set, and broker.id.generation.enable=false: set broker.id");
    }
    const auto generated = co_await generate_broker_id(*client_, configs_.broker().reserved_broker_max_id);
    if (!generated.ok()) co_return generated.status();
    id = *generated;
  }
  configs_.set_broker_id(id);
  co_return logs_->take_identity(id, metadata_.cluster_id);
}

Task<Status> Broker::load_settings() {
  const auto brokers = co_await ConfigChanges::load_all(*client_, "brokers");
  if (!brokers.ok()) co_return brokers.status();
  for (const auto& [name, overrides] : *brokers) on_settings_changed("brokers", name, overrides);
  const auto topics = co_await ConfigChanges::load_all(*client_, "topics");
  if (!topics.ok()) co_return topics.status();
  for (const auto& [name, overrides] : *topics) configs_.set_topic_overrides(name, overrides);
  co_return Status();
}

Task<Status> Broker::load_logs() {
  const auto config_of = [this](const std::string& topic) {
    return config::to_log_config(configs_.topic_config(topic), configs_.broker());
  };
  co_return co_await Callback<Status>([&](auto done) { logs_->load(config_of, done); });
}

void Broker::make_parts() {
  const config::BrokerConfig& config = configs_.broker();
  partitions_ = std::make_unique<PartitionManager>(*logs_);
  isr_store_ = std::make_unique<ZkIsrStore>(loop_, *client_);
  replicas_ = std::make_unique<ReplicaManager>(
      replica_settings(config), loop_, *logs_, *partitions_, peers_, *isr_store_,
      [this](const std::string& topic) {
        return config::to_log_config(configs_.topic_config(topic), configs_.broker());
      },
      [this](const std::string& topic, int32_t index, bool leads) {
        if (topic != kOffsetsTopic) return;
        if (leads) {
          groups_->on_partition_elected(index);
        } else {
          groups_->on_partition_resigned(index);
        }
      });
  cold_reads_ = std::make_unique<ColdReads>(loop_);
  offsets_log_ = std::make_unique<PartitionOffsetsLog>(
      loop_, *partitions_, static_cast<uint32_t>(config.offsets_load_buffer_size));
  groups_ = std::make_unique<groups::GroupCoordinator>(loop_, group_config(config), *offsets_log_, random_);
  fetch_sessions_ = std::make_unique<FetchSessionCache>(config.max_incremental_fetch_session_cache_slots);
  controller_ = std::make_unique<Controller>(controller_settings(config), loop_, *client_, metadata_,
                                             static_cast<ControllerActions&>(*this), peers_, random_);
  topics_ = std::make_unique<ZkTopicAdmin>(topic_settings(config), loop_, *client_, metadata_, *controller_,
                                           random_, config::validate_topic_overrides);
  controller_->set_listener([this] { on_topics_changed(); });
  config_changes_ = std::make_unique<ConfigChanges>(
      loop_, *client_,
      [this](const std::string& type, const std::string& name, const ConfigChanges::Overrides& overrides) {
        on_settings_changed(type, name, overrides);
      });
  config_admin_ = std::make_unique<ZkConfigAdmin>(
      *client_,
      [this](const std::string& type, const std::string& name, const ConfigAdmin::Overrides& overrides) {
        on_settings_changed(type, name, overrides);
      });
  services_ = std::make_unique<Services>(
      Services{loop_, config, configs_, metadata_, *partitions_, *cold_reads_, *logs_, *fetch_sessions_,
               *topics_, *config_admin_, *groups_, *replicas_, static_cast<ClusterControl&>(*this)});
  watch_ = std::make_unique<LoopWatch>(loop_, [this](int64_t paused_ms) {
    if (fence_) fence_->on_pause(paused_ms);
  });
  if (fenced_) {
    fence_ = std::make_unique<LeadershipFence>(
        loop_, *client_, fmt::format("{}/{}", znodes::kBrokerIds, config.broker_id),
        [this] { return watch_->paused_ms(); }, [this] { return joined_; });
    services_->may_lead = [this] { return fence_->may_lead(); };
    offsets_log_->set_may_lead(services_->may_lead);
  }
  const ConnectionLimits limits = connection_limits(config);
  for (BoundListener& bound : bound_) {
    bound.port = bound.listener->port();
    ports_.push_back(std::make_unique<KafkaPort>(loops_, std::move(bound.listener), bound.endpoint.listener,
                                                 limits, *services_));
  }
  groups_->start();
}

BrokerNode Broker::own_node() const {
  const config::BrokerConfig& config = configs_.broker();
  BrokerNode node;
  node.id = config.broker_id;
  node.rack = config.broker_rack;
  for (const config::Endpoint& advertised : config.advertised_listeners) {
    Endpoint endpoint;
    endpoint.listener = advertised.listener;
    endpoint.security_protocol = config::security_protocol_name(advertised.protocol);
    endpoint.host = advertised.host.empty() ? machine_name() : advertised.host;
    endpoint.port = advertised.port;
    for (const BoundListener& bound : bound_) {
      if (endpoint.port == 0 && bound.endpoint.listener == advertised.listener) endpoint.port = bound.port;
    }
    node.endpoints.push_back(std::move(endpoint));
  }
  return node;
}

Task<Status> Broker::join_cluster() {
  const auto registered = co_await register_broker(*client_, own_node(), loop_.wall_ms());
  if (!registered.ok()) co_return registered.status();
  metadata_.own_epoch = *registered;
  topics_->draw_producer_ids();
  Status watching = co_await config_changes_->start();
  if (!watching.ok()) co_return watching;
  Status elected = co_await Callback<Status>([this](auto done) { controller_->start(done); });
  joined_ = elected.ok();
  co_return elected;
}

std::string Broker::addresses() const {
  std::string out;
  for (const Endpoint& endpoint : own_node().endpoints) {
    const bool ipv6 = endpoint.host.find(':') != std::string::npos;
    out += (out.empty() ? "" : ",") + (ipv6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" +
           std::to_string(endpoint.port);
  }
  return out;
}

void Broker::on_session_event(SessionEvent event) {
  if (stopping_) return;
  switch (event) {
    case SessionEvent::kConnected:
      if (session_opened_) return std::exchange(session_opened_, nullptr)(true);
      if (controller_ && !joined_) start_detached(rejoin());
      return;
    case SessionEvent::kDisconnected:
      log_warn(kComponent, "the connection to ZooKeeper at {} is gone; clients are served on",
               client_->describe());
      return;
    case SessionEvent::kExpired: {
      log_warn(kComponent, "the ZooKeeper session expired; opening a new one");
      joined_ = false;
      if (controller_) controller_->stop();
      const Status restarted = client_->start();
      if (!restarted.ok()) fatal_(restarted);
      return;
    }
    case SessionEvent::kAuthFailed:
      return fatal_(
          {ErrorCode::INVALID_CONFIG, "ZooKeeper at " + client_->describe() + " refused the credentials"});
  }
}

// Where the connection or the session goes meanwhile, the next one begins anew.
Task<void> Broker::rejoin() {
  rejoin_again_ = true;
  if (rejoining_) co_return;
  rejoining_ = true;
  Status joined;
  while (std::exchange(rejoin_again_, false) && !stopping_) {
    joined = co_await join_cluster();
    if (joined.ok()) continue;
    log_warn(kComponent, "joining the cluster again: {}", joined.message());
  }
  rejoining_ = false;
  if (joined.ok() || stopping_ || !client_->connected()) co_return;
  fatal_(joined);
}

void Broker::on_settings_changed(const std::string& type, const std::string& name,
                                 const std::map<std::string, std::string>& overrides) {
  if (type == "topics") {
    configs_.set_topic_overrides(name, overrides);
    if (partitions_) apply_topic_config(name);
    return;
  }
  if (name == "<default>") {
    configs_.set_default_overrides(overrides);
  } else if (name == std::to_string(configs_.broker().broker_id)) {
    configs_.set_broker_overrides(overrides);
  } else {
    return;
  }
  logs_->update_cleaner(config::to_cleaner_settings(configs_.broker()));
  logs_->update_limits(configs_.broker().log_max_bytes, configs_.broker().retention_clock_jump_max_ms);
  for (const auto& port : ports_) port->set_limits(connection_limits(configs_.broker()));
  if (!partitions_) return;
  for (const auto& [topic, metadata] : metadata_.topics()) apply_topic_config(topic);
}

void Broker::apply_topic_config(const std::string& topic) {
  partitions_->update_config(topic, config::to_log_config(configs_.topic_config(topic), configs_.broker()));
}

void Broker::on_topics_changed() {
  const TopicMetadata* offsets = metadata_.find(kOffsetsTopic);
  if (offsets != nullptr) groups_->set_partition_count(static_cast<int32_t>(offsets->partitions.size()));
  topics_->on_metadata_changed();
}

void Broker::stop(std::function<void()> done) {
  stopping_ = true;
  start_detached(run_stop(std::move(done)));
}

Task<void> Broker::run_stop(std::function<void()> done) {
  log_info(kComponent, "stopping");
  co_await hand_over();
  for (const auto& port : ports_) port->close_listener();
  if (groups_) groups_->stop();
  for (const auto& port : ports_) {
    co_await Callback<bool>([&](auto closed) { port->close([closed] { closed(true); }); });
  }
  ports_.clear();
  if (isr_store_) isr_store_->stop();
  if (controller_) controller_->stop();
  // Only this wait is bounded: an ensemble that does not answer must not keep us from closing the logs.
  co_await Callback<bool>([this](auto finished) {
    auto once = std::make_shared<std::function<void(bool)>>(std::move(finished));
    const auto finish = [once] {
      if (*once) std::exchange(*once, nullptr)(true);
    };
    connect_timer_ = loop_.make_timer(finish);
    connect_timer_->start(2000);
    client_->close(finish);
  });
  if (logs_) co_await Callback<bool>([this](auto finished) { logs_->stop(finished); });
  done();
}

}  // namespace ottla
