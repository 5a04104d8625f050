// SPDX-License-Identifier: Apache-2.0
// What zookeeper.properties says (org.apache.zookeeper.server.quorum.QuorumPeerConfig, ServerConfig). The
// file format itself is read elsewhere: this takes its pairs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coordination/security_config.h"
#include "protocol/base/property.h"
#include "protocol/base/status.h"

namespace ottla::coordination {

struct ServerConfig {
  std::string data_dir;
  std::string data_log_dir;         // empty: data_dir
  int client_port = 0;              // 0 after parsing: not given
  std::string client_port_address;  // empty: all addresses
  int tick_time_ms = 3000;
  int min_session_timeout_ms = -1;  // -1: 2 * tick_time_ms
  int max_session_timeout_ms = -1;  // -1: 20 * tick_time_ms
  int max_client_connections = 60;  // per address; 0: no limit
  int64_t snap_count = 100'000;
  // Bytes of log after which a snapshot is taken too (snapSizeLimitInKb).
  int64_t snap_size_limit_bytes = int64_t{4} << 30;
  int snap_retain_count = 3;
  int purge_interval_hours = 0;                        // 0: nothing is purged
  std::vector<std::string> four_letter_words{"srvr"};  // "*": all
  bool force_sync = true;
  bool skip_acl = false;
  std::string super_digest;             // "super:<base64 sha1>", DigestAuthenticationProvider.superDigest
  int32_t max_frame_bytes = 0xfffff;    // jute.maxbuffer
  int outstanding_limit = 1000;         // zookeeper.globalOutstandingLimit, applied per connection
  int max_connections = 0;              // of all addresses together; 0: no limit
  int sessionless_timeout_ms = 10'000;  // nio.sessionlessCnxnTimeout; 0: for ever
  bool extended_types = false;          // nodes with a time to live
  bool emulate_353_ttl = false;
  bool enforce_quota = false;
  bool reconfig_enabled = false;
  bool digest_enabled = true;
  int container_check_ms = 60'000;
  int64_t containers_per_minute = 10'000;
  int64_t container_unused_ms = 0;  // containers that never had a child go after that; 0: never
  // Log files grow by this much at a time. 0: with what is written; the key preAllocSize sets it (in KiB).
  int64_t preallocate_bytes = 0;
  int64_t log_size_limit_bytes = INT64_MAX;  // a log file of that size is followed by the next
  int sync_warning_ms = 1000;
  bool compress_snapshots = false;  // as gzip
  bool trust_empty_snapshot = false;
  bool create_directories = true;
  int64_t initial_zxid = 0;  // of a fresh directory, for tests of what comes after 2^32 transactions
  SecurityConfig security;
  // The file as it was read, a line each, without what is secret.
  std::string initial_text;

  bool admin_enabled = false;  // ZooKeeper's default is true
  int admin_port = 8080;
  std::string admin_address;
  std::string admin_url = "/commands";
  bool prometheus = false;
  int metrics_port = 7000;
  std::string metrics_address;

  int min_session_timeout() const {
    return min_session_timeout_ms < 0 ? 2 * tick_time_ms : min_session_timeout_ms;
  }
  int max_session_timeout() const {
    return max_session_timeout_ms < 0 ? 20 * tick_time_ms : max_session_timeout_ms;
  }
  const std::string& log_dir() const { return data_log_dir.empty() ? data_dir : data_log_dir; }
};

struct ParsedConfig {
  ServerConfig config;
  std::vector<std::string> warnings;  // one sentence each, with the line where there is one
};

// INVALID_CONFIG with "<file>:<line>: key=value: what was expected" for a value that cannot be used. Unknown
// keys, keys of things that do not exist here (quorum) and misspellings with an obvious meaning
// (`dataUrl`) are warnings. A later pair of the same key wins. `file` is only for messages.
Result<ParsedConfig> parse_server_config(const std::vector<Property>& properties, const std::string& file);

}  // namespace ottla::coordination
