// SPDX-License-Identifier: Apache-2.0
#include "broker/config/broker_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/config/broker_config_problems.h"

namespace ottla::config {

namespace {

constexpr int64_t kMostLoops = 64;
constexpr int64_t kMinuteMs = 60 * 1000;

void check_values(const BrokerConfig& config, Problems& problems) {
  for (const auto& [key, value] : config.values) {
    const Definition* definition = find_definition(Scope::kBroker, key);
    if (definition == nullptr || check_value(*definition, value).ok()) continue;
    problems.error(config.values, key, "expected " + expectation(*definition));
  }
}

void fill_identity(BrokerConfig& config, const Values& values, Problems& problems) {
  const int32_t node_id = values.int32("node.id");
  const int32_t broker_id = values.int32("broker.id");
  config.broker_id = node_id >= 0 ? node_id : broker_id;
  config.broker_id_generation_enable = values.boolean("broker.id.generation.enable");
  config.reserved_broker_max_id = values.int32("reserved.broker.max.id");
  config.broker_rack = values.text("broker.rack");
  if (node_id >= 0 && broker_id >= 0 && node_id != broker_id) {
    problems.error(config.values, "node.id",
                   fmt::format("expected the same value as broker.id, which is {}", broker_id));
  }
  if (config.broker_id_generation_enable) {
    if (config.broker_id < -1 || config.broker_id > config.reserved_broker_max_id) {
      problems.error(
          config.values, node_id >= 0 ? "node.id" : "broker.id",
          fmt::format("expected -1 to {} (reserved.broker.max.id)", config.reserved_broker_max_id));
    }
  } else if (config.broker_id < 0) {
    problems.error(config.values, "broker.id",
                   "expected 0 or more, because broker.id.generation.enable=false");
  }
  config.zookeeper_connect = values.text("zookeeper.connect").value_or("");
  config.zookeeper_session_timeout_ms = values.int32("zookeeper.session.timeout.ms");
  config.zookeeper_connection_timeout_ms =
      static_cast<int32_t>(values.optional_number("zookeeper.connection.timeout.ms")
                               .value_or(config.zookeeper_session_timeout_ms));
}

tls::Store store_of(const Values& values, const std::string& prefix) {
  return {values.text(prefix + ".location").value_or(""), values.text(prefix + ".password").value_or(""),
          values.text(prefix + ".type").value_or("")};
}

void fill_zookeeper_security(BrokerConfig& config, const Values& values, Problems& problems) {
  config.zookeeper_set_acl = values.boolean("zookeeper.set.acl");
  if (!values.boolean("zookeeper.ssl.client.enable")) return;
  tls::Settings& tls = config.zookeeper_tls.emplace();
  tls.key_store = store_of(values, "zookeeper.ssl.keystore");
  tls.trust_store = store_of(values, "zookeeper.ssl.truststore");
  tls.protocols = values.list("zookeeper.ssl.enabled.protocols");
  if (tls.protocols.empty()) tls.protocols.push_back(values.text_or_default("zookeeper.ssl.protocol"));
  tls.ciphers = values.list("zookeeper.ssl.cipher.suites");
  tls.verify_host = !values.text("zookeeper.ssl.endpoint.identification.algorithm").value_or("HTTPS").empty();
  for (const char* key : {"zookeeper.ssl.crl.enable", "zookeeper.ssl.ocsp.enable"}) {
    if (values.boolean(key))
      problems.error(config.values, key,
                     "expected false: Ottla asks nobody whether a certificate was revoked");
  }
}

std::vector<Endpoint> read_endpoints(const BrokerConfig& config, std::string_view key, std::string_view text,
                                     const ProtocolMap& protocols, bool distinct_ports, Problems& problems) {
  Result<std::vector<Endpoint>> endpoints = parse_endpoints(text, protocols, distinct_ports);
  if (!endpoints.ok()) {
    problems.error(config.values, key, endpoints.status().message());
    return {};
  }
  if (endpoints->empty()) problems.error(config.values, key, "expected at least one NAME://host:port");
  return std::move(endpoints).value();
}

// Legacy keys, newer keys, and the defaults between them (KafkaConfig.listeners and advertisedListeners).
void read_listeners(BrokerConfig& config, const Values& values, const ProtocolMap& protocols,
                    Problems& problems) {
  const std::string host = values.text("host.name").value_or("");
  const int32_t port = values.int32("port");
  const std::string legacy = fmt::format("PLAINTEXT://{}:{}", host, port);
  const std::string_view key = values.has("listeners") ? "listeners"
                               : values.has("port")    ? "port"
                                                       : "host.name";
  config.listeners =
      read_endpoints(config, key, values.text("listeners").value_or(legacy), protocols, true, problems);

  const std::optional<std::string> advertised = values.text("advertised.listeners");
  const std::optional<std::string> advertised_host = values.text("advertised.host.name");
  const std::optional<int64_t> advertised_port = values.optional_number("advertised.port");
  if (advertised) {
    config.advertised_listeners =
        read_endpoints(config, "advertised.listeners", *advertised, protocols, false, problems);
  } else if (advertised_host || advertised_port) {
    const std::string text =
        fmt::format("PLAINTEXT://{}:{}", advertised_host.value_or(host), advertised_port.value_or(port));
    config.advertised_listeners =
        read_endpoints(config, advertised_host ? "advertised.host.name" : "advertised.port", text, protocols,
                       false, problems);
  } else {
    config.advertised_listeners = config.listeners;
  }

  // A file of the KRaft kind has a listener for a controller that does not exist here.
  std::vector<std::string> controllers = values.list("controller.listener.names");
  for (std::string& name : controllers)
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
  const auto is_controller = [&](const Endpoint& e) {
    return std::ranges::find(controllers, e.listener) != controllers.end();
  };
  std::erase_if(config.listeners, is_controller);
  std::erase_if(config.advertised_listeners, is_controller);
}

std::string names_of(const std::vector<Endpoint>& endpoints) {
  std::vector<std::string> names;
  names.reserve(endpoints.size());
  for (const Endpoint& endpoint : endpoints) names.push_back(endpoint.listener);
  return fmt::format("{}", fmt::join(names, ","));
}

bool has_listener(const std::vector<Endpoint>& endpoints, std::string_view name) {
  return std::ranges::find(endpoints, name, &Endpoint::listener) != endpoints.end();
}

void check_advertised(const BrokerConfig& config, const Values& values, Problems& problems) {
  const std::string_view key = values.has("advertised.listeners") ? "advertised.listeners" : "listeners";
  for (const Endpoint& endpoint : config.advertised_listeners) {
    if (endpoint.host == "0.0.0.0") {
      problems.error(config.values, key,
                     "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable "
                     "IP address there; "
                     "an empty host in listeners (PLAINTEXT://:9092) listens on every address");
    }
    if (!has_listener(config.listeners, endpoint.listener)) {
      problems.error(
          config.values, key,
          fmt::format(
              "advertised.listeners listener names must be equal to or a subset of the ones defined in "
              "listeners. Found {}. The valid options based on the current configuration are {}",
              names_of(config.advertised_listeners), names_of(config.listeners)));
    }
  }
}

std::string inter_broker_listener(const BrokerConfig& config, const Values& values,
                                  const ProtocolMap& protocols, Problems& problems) {
  if (const std::optional<std::string> name = values.text("inter.broker.listener.name")) {
    if (values.has("security.inter.broker.protocol")) {
      problems.error(
          config.values, "inter.broker.listener.name",
          "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set");
    }
    std::string upper = *name;
    std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
    if (!protocols.contains(upper)) {
      problems.error(config.values, "inter.broker.listener.name",
                     "expected a listener that listener.security.protocol.map names");
    }
    return upper;
  }
  const std::string protocol = values.text_or_default("security.inter.broker.protocol");
  if (protocol == "SSL" || protocol == "SASL_PLAINTEXT" || protocol == "SASL_SSL") {
    problems.error(config.values, "security.inter.broker.protocol",
                   "this version of Ottla offers PLAINTEXT alone; TLS and SASL are not there yet");
  } else if (protocol != "PLAINTEXT") {
    problems.error(config.values, "security.inter.broker.protocol",
                   "expected PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL");
  }
  return protocol;
}

void fill_listeners(BrokerConfig& config, const Values& values, Problems& problems) {
  const Result<ProtocolMap> protocols =
      parse_protocol_map(values.text_or_default("listener.security.protocol.map"));
  if (!protocols.ok()) {
    problems.error(config.values, "listener.security.protocol.map", protocols.status().message());
    return;
  }
  read_listeners(config, values, *protocols, problems);
  config.inter_broker_listener_name = inter_broker_listener(config, values, *protocols, problems);
  if (!problems.ok()) return;
  for (const Endpoint& endpoint : config.listeners) {
    if (endpoint.protocol != SecurityProtocol::kPlaintext) {
      problems.error(
          config.values, "listeners",
          fmt::format(
              "listener {} uses {}; this version of Ottla offers PLAINTEXT alone, TLS and SASL are not there "
              "yet",
              endpoint.listener, security_protocol_name(endpoint.protocol)));
    }
    config.listener_security_protocol_map[endpoint.listener] = endpoint.protocol;
  }
  if (config.listeners.empty()) {
    problems.error(config.values, "listeners",
                   "expected a listener that controller.listener.names does not name");
  }
  check_advertised(config, values, problems);
  if (problems.ok() && !has_listener(config.advertised_listeners, config.inter_broker_listener_name)) {
    problems.error(
        config.values, values.has("inter.broker.listener.name") ? "inter.broker.listener.name" : "listeners",
        fmt::format(
            "inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid "
            "options based on currently configured listeners are {}",
            names_of(config.advertised_listeners)));
  }
}

void fill_ip_limits(BrokerConfig& config, const Values& values, Problems& problems) {
  constexpr std::string_view kKey = "max.connections.per.ip.overrides";
  for (const std::string& pair : values.list(kKey)) {
    const size_t colon = pair.rfind(':');
    const std::optional<int64_t> limit =
        colon == std::string::npos
            ? std::nullopt
            : parse_whole(trimmed(std::string_view(pair).substr(colon + 1)), 0, INT32_MAX);
    if (!limit || colon == 0) {
      problems.error(config.values, kKey, fmt::format("expected address:count pairs, not {}", pair));
      continue;
    }
    config.max_connections_per_ip_overrides[std::string(trimmed(std::string_view(pair).substr(0, colon)))] =
        static_cast<int32_t>(*limit);
  }
  if (config.max_connections_per_ip == 0 && config.max_connections_per_ip_overrides.empty()) {
    problems.error(config.values, "max.connections.per.ip",
                   "can be 0 only if max.connections.per.ip.overrides is set");
  }
}

constexpr const char* kRecoveryThreadsKey = "num.recovery.threads.per.data.dir";

void fill_network(BrokerConfig& config, const Values& values, Problems& problems) {
  config.num_network_threads = values.int32("num.network.threads");
  config.num_io_threads = values.int32("num.io.threads");
  config.background_threads = values.int32("background.threads");
  config.num_recovery_threads_per_data_dir = values.int32(kRecoveryThreadsKey);
  config.recovery_threads_given = config.values.contains(std::string(kRecoveryThreadsKey));
  config.num_replica_fetchers = values.int32("num.replica.fetchers");
  config.socket_request_max_bytes = values.int32("socket.request.max.bytes");
  config.socket_send_buffer_bytes = values.int32("socket.send.buffer.bytes");
  config.socket_receive_buffer_bytes = values.int32("socket.receive.buffer.bytes");
  config.socket_listen_backlog_size = values.int32("socket.listen.backlog.size");
  config.connections_max_idle_ms = values.number("connections.max.idle.ms");
  config.max_connections = values.int32("max.connections");
  config.max_connections_per_ip = values.int32("max.connections.per.ip");
  config.max_connection_creation_rate = values.int32("max.connection.creation.rate");
  config.queued_max_requests = values.int32("queued.max.requests");
  config.queued_max_request_bytes = values.number("queued.max.request.bytes");
  config.request_timeout_ms = values.int32("request.timeout.ms");
  fill_ip_limits(config, values, problems);
  if (config.queued_max_request_bytes > 0 &&
      config.queued_max_request_bytes < config.socket_request_max_bytes) {
    problems.error(config.values, "queued.max.request.bytes",
                   fmt::format("expected at least socket.request.max.bytes, which is {}",
                               config.socket_request_max_bytes));
  }
  const int32_t delay = values.int32("connection.failed.authentication.delay.ms");
  if (config.connections_max_idle_ms >= 0 && delay >= config.connections_max_idle_ms) {
    problems.error(
        config.values, "connections.max.idle.ms",
        fmt::format("expected more than connection.failed.authentication.delay.ms, which is {}", delay));
  }
}

void fill_logs(BrokerConfig& config, const Values& values, Problems& problems) {
  const std::string dirs = values.text("log.dirs").value_or(values.text_or_default("log.dir"));
  config.log_dirs = split_list(dirs);
  std::erase(config.log_dirs, "");
  if (config.log_dirs.empty()) {
    problems.error(config.values, values.has("log.dirs") ? "log.dirs" : "log.dir",
                   "At least one log directory must be defined via log.dirs or log.dir");
  }
  config.num_partitions = values.int32("num.partitions");
  config.default_replication_factor = values.int32("default.replication.factor");
  config.auto_create_topics_enable = values.boolean("auto.create.topics.enable");
  config.delete_topic_enable = values.boolean("delete.topic.enable");
  config.topic_defaults = make_topic_config(config.values, {});
  config.log_retention_check_interval_ms = values.number("log.retention.check.interval.ms");
  config.log_flush_scheduler_interval_ms = values.number("log.flush.scheduler.interval.ms");
  config.log_flush_offset_checkpoint_interval_ms = values.int32("log.flush.offset.checkpoint.interval.ms");
  config.log_flush_start_offset_checkpoint_interval_ms =
      values.int32("log.flush.start.offset.checkpoint.interval.ms");
  config.log_cleaner_enable = values.boolean("log.cleaner.enable");
  config.log_cleaner_threads = values.int32("log.cleaner.threads");
  config.log_cleaner_dedupe_buffer_size = values.number("log.cleaner.dedupe.buffer.size");
  config.log_cleaner_backoff_ms = values.number("log.cleaner.backoff.ms");
  config.log_cleaner_io_buffer_size = values.int32("log.cleaner.io.buffer.size");
  config.log_cleaner_io_buffer_load_factor = values.real("log.cleaner.io.buffer.load.factor");
  config.log_cleaner_io_max_bytes_per_second = values.real("log.cleaner.io.max.bytes.per.second");
  if (config.topic_defaults.segment_ms < 1)
    problems.error(config.values, "log.roll.ms", "expected at least 1");
  if (config.topic_defaults.segment_jitter_ms < 0)
    problems.error(config.values, "log.roll.jitter.ms", "expected at least 0");
  if (config.topic_defaults.retention_ms == 0) {
    const std::string_view key = values.has("log.retention.ms")        ? "log.retention.ms"
                                 : values.has("log.retention.minutes") ? "log.retention.minutes"
                                                                       : "log.retention.hours";
    problems.error(config.values, key, "expected -1 (unlimited), or at least 1");
  }
  if (config.log_cleaner_threads > 0 &&
      config.log_cleaner_dedupe_buffer_size / config.log_cleaner_threads <= 1 << 20) {
    problems.error(config.values, "log.cleaner.dedupe.buffer.size",
                   "expected more than 1 MiB per log.cleaner.threads");
  }
}

void fill_replication(BrokerConfig& config, const Values& values, Problems& problems) {
  config.message_max_bytes = values.int32("message.max.bytes");
  config.fetch_max_bytes = values.int32("fetch.max.bytes");
  config.max_incremental_fetch_session_cache_slots =
      values.int32("max.incremental.fetch.session.cache.slots");
  config.replica_fetch_max_bytes = values.int32("replica.fetch.max.bytes");
  config.replica_fetch_min_bytes = values.int32("replica.fetch.min.bytes");
  config.replica_fetch_response_max_bytes = values.int32("replica.fetch.response.max.bytes");
  config.replica_fetch_wait_max_ms = values.int32("replica.fetch.wait.max.ms");
  config.replica_fetch_backoff_ms = values.int32("replica.fetch.backoff.ms");
  config.replica_lag_time_max_ms = values.number("replica.lag.time.max.ms");
  config.replica_socket_timeout_ms = values.int32("replica.socket.timeout.ms");
  config.replica_socket_receive_buffer_bytes = values.int32("replica.socket.receive.buffer.bytes");
  config.replica_high_watermark_checkpoint_interval_ms =
      values.number("replica.high.watermark.checkpoint.interval.ms");
  config.auto_leader_rebalance_enable = values.boolean("auto.leader.rebalance.enable");
  config.leader_imbalance_check_interval_seconds = values.number("leader.imbalance.check.interval.seconds");
  config.leader_imbalance_per_broker_percentage = values.int32("leader.imbalance.per.broker.percentage");
  config.controlled_shutdown_enable = values.boolean("controlled.shutdown.enable");
  config.controlled_shutdown_max_retries = values.int32("controlled.shutdown.max.retries");
  config.controlled_shutdown_retry_backoff_ms = values.number("controlled.shutdown.retry.backoff.ms");
  config.controller_socket_timeout_ms = values.int32("controller.socket.timeout.ms");
  config.inter_broker_protocol_version = values.text_or_default("inter.broker.protocol.version");
  if (config.replica_fetch_wait_max_ms > config.replica_socket_timeout_ms) {
    problems.error(config.values, "replica.fetch.wait.max.ms",
                   fmt::format("expected at most replica.socket.timeout.ms, which is {}",
                               config.replica_socket_timeout_ms));
  }
  if (config.replica_fetch_wait_max_ms > config.replica_lag_time_max_ms) {
    problems.error(
        config.values, "replica.fetch.wait.max.ms",
        fmt::format("expected at most replica.lag.time.max.ms, which is {}", config.replica_lag_time_max_ms));
  }
}

void fill_groups(BrokerConfig& config, const Values& values, Problems& problems) {
  config.group_initial_rebalance_delay_ms = values.int32("group.initial.rebalance.delay.ms");
  config.group_min_session_timeout_ms = values.int32("group.min.session.timeout.ms");
  config.group_max_session_timeout_ms = values.int32("group.max.session.timeout.ms");
  config.group_max_size = values.int32("group.max.size");
  config.offset_metadata_max_bytes = values.int32("offset.metadata.max.bytes");
  config.offsets_commit_timeout_ms = values.int32("offsets.commit.timeout.ms");
  config.offsets_commit_required_acks = static_cast<int16_t>(values.number("offsets.commit.required.acks"));
  config.offsets_load_buffer_size = values.int32("offsets.load.buffer.size");
  config.offsets_retention_ms = values.number("offsets.retention.minutes") * kMinuteMs;
  config.offsets_retention_check_interval_ms = values.number("offsets.retention.check.interval.ms");
  config.offsets_topic_num_partitions = values.int32("offsets.topic.num.partitions");
  config.offsets_topic_replication_factor =
      static_cast<int16_t>(values.number("offsets.topic.replication.factor"));
  config.offsets_topic_segment_bytes = values.int32("offsets.topic.segment.bytes");
  config.offsets_topic_compression_codec = values.int32("offsets.topic.compression.codec");
  if (config.offsets_commit_required_acks < -1 ||
      config.offsets_commit_required_acks > config.offsets_topic_replication_factor) {
    problems.error(config.values, "offsets.commit.required.acks",
                   "expected -1 to offsets.topic.replication.factor");
  }
  if (config.offsets_topic_compression_codec < 0 || config.offsets_topic_compression_codec > 4) {
    problems.error(config.values, "offsets.topic.compression.codec",
                   "expected 0 (none), 1 (gzip), 2 (snappy), 3 (lz4), 4 (zstd)");
  }
}

void fill_transactions(BrokerConfig& config, const Values& values) {
  config.transactional_id_expiration_ms = values.int32("transactional.id.expiration.ms");
  config.transaction_max_timeout_ms = values.int32("transaction.max.timeout.ms");
  config.transaction_abort_timed_out_cleanup_interval_ms =
      values.int32("transaction.abort.timed.out.transaction.cleanup.interval.ms");
  config.transaction_remove_expired_cleanup_interval_ms =
      values.int32("transaction.remove.expired.transaction.cleanup.interval.ms");
  config.transaction_state_log_num_partitions = values.int32("transaction.state.log.num.partitions");
  config.transaction_state_log_replication_factor =
      static_cast<int16_t>(values.number("transaction.state.log.replication.factor"));
  config.transaction_state_log_min_isr = values.int32("transaction.state.log.min.isr");
  config.transaction_state_log_segment_bytes = values.int32("transaction.state.log.segment.bytes");
  config.transaction_state_log_load_buffer_size = values.int32("transaction.state.log.load.buffer.size");
  config.producer_id_expiration_ms = values.has("producer.id.expiration.ms")
                                         ? values.number("producer.id.expiration.ms")
                                         : config.transactional_id_expiration_ms;
}

void fill_emulation(BrokerConfig& config, Problems& problems) {
  const auto given = config.values.find(std::string(kEmulateKey));
  config.emulate = Release::kAny;
  if (given == config.values.end() || trimmed(given->second).empty()) return;
  if (const auto release = parse_release(trimmed(given->second))) {
    config.emulate = *release;
  } else {
    problems.error(config.values, kEmulateKey, "expected 2.8, 3.9 or 4.4");
  }
}

void fill_durability(BrokerConfig& config, Problems& problems) {
  const auto given = config.values.find(std::string(kDurabilityKey));
  const std::string_view text = given == config.values.end() ? "" : trimmed(given->second);
  config.durable = text == "flush";
  if (!config.durable && !text.empty() && text != "kafka")
    problems.error(config.values, kDurabilityKey, "expected flush or kafka");
}

int64_t own_number(const ConfigMap& values, std::string_view key, int64_t otherwise, Problems& problems) {
  const auto given = values.find(std::string(key));
  if (given == values.end()) return otherwise;
  const auto number = parse_whole(trimmed(given->second), -1, std::numeric_limits<int64_t>::max());
  if (!number) problems.error(values, key, "expected a whole number (64 bit), at least -1");
  return number.value_or(otherwise);
}

int32_t own_loops(const ConfigMap& values, Problems& problems) {
  const auto given = values.find(std::string(kLoopsKey));
  if (given == values.end()) return 0;
  const auto number = parse_whole(trimmed(given->second), 0, kMostLoops);
  if (!number) problems.error(values, kLoopsKey, "expected a whole number from 0 to 64");
  return static_cast<int32_t>(number.value_or(0));
}

bool own_threads_always(const ConfigMap& values, Problems& problems) {
  const auto given = values.find(std::string(kLoopThreadsKey));
  if (given == values.end()) return false;
  const std::string_view value = trimmed(given->second);
  if (value != "auto" && value != "always")
    problems.error(values, kLoopThreadsKey, "expected auto or always");
  return value == "always";
}

void fill_own(BrokerConfig& config, Problems& problems) {
  config.network_loops = own_loops(config.values, problems);
  config.network_threads_always = own_threads_always(config.values, problems);
  config.log_max_bytes = own_number(config.values, kLogMaxBytesKey, -1, problems);
  config.retention_clock_jump_max_ms =
      own_number(config.values, kClockJumpMaxKey, 30 * 24 * 60 * kMinuteMs, problems);
}

}  // namespace

void fill_broker_config(BrokerConfig& config, Problems& problems) {
  check_values(config, problems);
  if (!problems.ok()) return;
  const Values values(Scope::kBroker, config.values);
  fill_identity(config, values, problems);
  fill_zookeeper_security(config, values, problems);
  fill_listeners(config, values, problems);
  fill_network(config, values, problems);
  fill_logs(config, values, problems);
  fill_replication(config, values, problems);
  fill_groups(config, values, problems);
  fill_transactions(config, values);
  fill_emulation(config, problems);
  fill_durability(config, problems);
  fill_own(config, problems);
}

Result<BrokerConfig> make_broker_config(ConfigMap values) {
  BrokerConfig config;
  config.values = std::move(values);
  Problems problems;
  fill_broker_config(config, problems);
  if (!problems.ok()) return problems.status();
  return config;
}

}  // namespace ottla::config
