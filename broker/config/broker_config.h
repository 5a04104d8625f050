// SPDX-License-Identifier: Apache-2.0
// The broker's settings, read from server.properties and the command line, checked, and typed (Kafka's
// KafkaConfig).
//
// Read once at start; a dynamic override (ConfigStore) makes a new one. Names are those of the keys, units
// last. Any thread may read one that does not change.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/endpoint.h"
#include "broker/config/release.h"
#include "broker/config/topic_config.h"
#include "broker/config/value.h"
#include "protocol/base/status.h"
#include "protocol/tls/tls.h"

namespace ottla::config {

// Ottla's own keys, beside ottla.emulate (release.h).
inline constexpr std::string_view kLogMaxBytesKey = "ottla.log.max.bytes";
inline constexpr std::string_view kClockJumpMaxKey = "ottla.retention.clock.jump.max.ms";
inline bool is_own_key(std::string_view key) { return key.starts_with("ottla."); }
// Whether a key of Ottla's own may change while the broker runs.
inline bool is_own_dynamic_key(std::string_view key) {
  return key == kLogMaxBytesKey || key == kClockJumpMaxKey;
}
inline constexpr std::string_view kDurabilityKey = "ottla.durability";
inline constexpr std::string_view kLoopsKey = "ottla.network.loops";
inline constexpr std::string_view kLoopThreadsKey = "ottla.network.threads";

struct BrokerConfig {
  // What was written, by key; where one was written twice, the last. Unknown keys too (Kafka shows them), and
  // dynamic overrides.
  ConfigMap values;

  // ottla.emulate.
  Release emulate = Release::kAny;

  // ottla.log.max.bytes: what all logs together may take, -1: no limit.
  int64_t log_max_bytes = -1;
  // ottla.retention.clock.jump.max.ms: how far ahead the clock may jump and be believed, -1: any.
  int64_t retention_clock_jump_max_ms = 0;

  // node.id where it is set, else broker.id; -1: to be taken from meta.properties or from ZooKeeper.
  int32_t broker_id = -1;
  bool broker_id_generation_enable = true;
  int32_t reserved_broker_max_id = 1000;
  std::optional<std::string> broker_rack;

  // Never empty. Built from host.name and port where `listeners` is not set. All are PLAINTEXT.
  std::vector<Endpoint> listeners;
  // What clients are told. An empty host stands for this machine's name, port 0 for the port that the
  // listener of the same name got; both are the program's to fill in.
  std::vector<Endpoint> advertised_listeners;
  std::string inter_broker_listener_name;
  // The security protocol of each listener in `listeners`, as registration writes it.
  ProtocolMap listener_security_protocol_map;

  // Empty: not given (one process with coordination inside).
  std::string zookeeper_connect;
  int32_t zookeeper_session_timeout_ms = 0;
  int32_t zookeeper_connection_timeout_ms = 0;
  bool zookeeper_set_acl = false;
  // zookeeper.ssl.*; nothing: without TLS.
  std::optional<tls::Settings> zookeeper_tls;

  int32_t num_network_threads = 0;
  // ottla.network.loops: as many threads at most read requests and write responses, 0: by num.network.threads
  // and the machine.
  int32_t network_loops = 0;
  // ottla.network.threads=always: as many threads also where fewer would do, or do more.
  bool network_threads_always = false;
  int32_t num_io_threads = 0;
  int32_t background_threads = 0;
  int32_t num_recovery_threads_per_data_dir = 0;
  bool recovery_threads_given = false;  // else Kafka's default stands above
  int32_t num_replica_fetchers = 0;
  int32_t socket_request_max_bytes = 0;
  int32_t socket_send_buffer_bytes = 0;     // -1: the system's
  int32_t socket_receive_buffer_bytes = 0;  // -1: the system's
  int32_t socket_listen_backlog_size = 0;
  int64_t connections_max_idle_ms = 0;  // negative: never closed
  int32_t max_connections = 0;
  int32_t max_connections_per_ip = 0;
  std::map<std::string, int32_t> max_connections_per_ip_overrides;  // by address or host name
  int32_t max_connection_creation_rate = 0;
  int32_t queued_max_requests = 0;
  int64_t queued_max_request_bytes = -1;  // -1: no limit
  int32_t request_timeout_ms = 0;

  std::vector<std::string> log_dirs;  // never empty
  // ottla.durability=flush: what is acknowledged survives a power cut. Kafka's default is the page cache.
  bool durable = false;
  int32_t num_partitions = 1;
  int32_t default_replication_factor = 1;
  bool auto_create_topics_enable = true;
  bool delete_topic_enable = true;
  // What a topic without overrides has.
  TopicConfig topic_defaults;
  int64_t log_retention_check_interval_ms = 0;
  int64_t log_flush_scheduler_interval_ms = 0;
  int32_t log_flush_offset_checkpoint_interval_ms = 0;
  int32_t log_flush_start_offset_checkpoint_interval_ms = 0;
  bool log_cleaner_enable = true;
  int32_t log_cleaner_threads = 0;
  int64_t log_cleaner_dedupe_buffer_size = 0;
  int64_t log_cleaner_backoff_ms = 0;
  int32_t log_cleaner_io_buffer_size = 0;
  double log_cleaner_io_buffer_load_factor = 0;
  double log_cleaner_io_max_bytes_per_second = 0;

  int32_t message_max_bytes = 0;
  int32_t fetch_max_bytes = 0;
  int32_t max_incremental_fetch_session_cache_slots = 0;
  int32_t replica_fetch_max_bytes = 0;
  int32_t replica_fetch_min_bytes = 0;
  int32_t replica_fetch_response_max_bytes = 0;
  int32_t replica_fetch_wait_max_ms = 0;
  int32_t replica_fetch_backoff_ms = 0;
  int64_t replica_lag_time_max_ms = 0;
  int32_t replica_socket_timeout_ms = 0;
  int32_t replica_socket_receive_buffer_bytes = 0;
  int64_t replica_high_watermark_checkpoint_interval_ms = 0;

  int32_t group_initial_rebalance_delay_ms = 0;
  int32_t group_min_session_timeout_ms = 0;
  int32_t group_max_session_timeout_ms = 0;
  int32_t group_max_size = 0;
  int32_t offset_metadata_max_bytes = 0;
  int32_t offsets_commit_timeout_ms = 0;
  int16_t offsets_commit_required_acks = -1;
  int32_t offsets_load_buffer_size = 0;
  int64_t offsets_retention_ms = 0;  // from offsets.retention.minutes
  int64_t offsets_retention_check_interval_ms = 0;
  int32_t offsets_topic_num_partitions = 0;
  int16_t offsets_topic_replication_factor = 0;
  int32_t offsets_topic_segment_bytes = 0;
  int32_t offsets_topic_compression_codec = 0;

  int32_t transactional_id_expiration_ms = 0;
  int32_t transaction_max_timeout_ms = 0;
  int32_t transaction_abort_timed_out_cleanup_interval_ms = 0;
  int32_t transaction_remove_expired_cleanup_interval_ms = 0;
  int32_t transaction_state_log_num_partitions = 0;
  int16_t transaction_state_log_replication_factor = 0;
  int32_t transaction_state_log_min_isr = 0;
  int32_t transaction_state_log_segment_bytes = 0;
  int32_t transaction_state_log_load_buffer_size = 0;
  // producer.id.expiration.ms; where not set, transactional.id.expiration.ms as in 2.8.
  int64_t producer_id_expiration_ms = 0;

  bool auto_leader_rebalance_enable = true;
  int64_t leader_imbalance_check_interval_seconds = 0;
  int32_t leader_imbalance_per_broker_percentage = 0;
  bool controlled_shutdown_enable = true;
  int32_t controlled_shutdown_max_retries = 0;
  int64_t controlled_shutdown_retry_backoff_ms = 0;
  int32_t controller_socket_timeout_ms = 0;
  // "2.8-IV1".
  std::string inter_broker_protocol_version;
};

struct LoadOptions {
  // `ottla server`: a missing zookeeper.connect is an error.
  bool zookeeper_required = false;
};

struct LoadedBrokerConfig {
  BrokerConfig config;
  // For the log: unknown keys with the nearest known one, and keys that are accepted without effect where
  // silence would mislead.
  std::vector<std::string> warnings;
};

// Reads `path` (nothing: all defaults) and lays `overrides` ("key=value", later ones win) over it.
// INVALID_CONFIG with one line per problem: file, line, key, value and what was expected; or why the file
// cannot be read.
Result<LoadedBrokerConfig> load_broker_config(const std::optional<std::string>& path,
                                              const std::vector<std::string>& overrides,
                                              const LoadOptions& options = {});

// The typed form of `values`: as load_broker_config without a file, warnings left out.
Result<BrokerConfig> make_broker_config(ConfigMap values);

}  // namespace ottla::config
