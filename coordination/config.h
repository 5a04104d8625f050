// SPDX-License-Identifier: Apache-2.0
// What zookeeper.properties says (org.apache.zookeeper.server.quorum.QuorumPeerConfig, ServerConfig). The
// file format itself is read elsewhere: this takes its pairs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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
  std::string super_digest;           // "super:<base64 sha1>", DigestAuthenticationProvider.superDigest
  int32_t max_frame_bytes = 0xfffff;  // jute.maxbuffer
  int outstanding_limit = 1000;       // zookeeper.globalOutstandingLimit, applied per connection

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
// keys, keys of things that do not exist here (admin server, quorum) and misspellings with an obvious meaning
// (`dataUrl`) are warnings. A later pair of the same key wins. `file` is only for messages.
Result<ParsedConfig> parse_server_config(const std::vector<Property>& properties, const std::string& file);

}  // namespace ottla::coordination
