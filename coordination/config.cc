// SPDX-License-Identifier: Apache-2.0
#include "coordination/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <climits>
#include <optional>
#include <utility>

#include "coordination/idle_keys.h"

namespace ottla::coordination {
namespace {

std::string trim(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

template <typename Number>
std::optional<Number> parse_number(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// What `value` must be where it is not; empty when it was taken.
using Expectation = std::string;

template <typename Number>
Expectation take_number(const std::string& text, Number low, Number high, Number* target) {
  const auto value = parse_number<Number>(text);
  if (!value || *value < low || *value > high) return fmt::format("a whole number from {} to {}", low, high);
  *target = *value;
  return "";
}

template <auto Member, auto Low, auto High>
Expectation set_number(ServerConfig& config, const std::string& value) {
  using Number = std::remove_reference_t<decltype(config.*Member)>;
  return take_number<Number>(value, static_cast<Number>(Low), static_cast<Number>(High), &(config.*Member));
}

template <auto Member>
Expectation set_path(ServerConfig& config, const std::string& value) {
  if (value.empty()) return "a directory";
  config.*Member = value;
  return "";
}

template <auto Member>
Expectation set_text(ServerConfig& config, const std::string& value) {
  config.*Member = value;
  return "";
}

bool is_secret(const std::string& key) {
  std::string lower = key;
  for (char& letter : lower) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return lower.find("password") != std::string::npos || lower.find("superdigest") != std::string::npos;
}

// At the commas.
std::vector<std::string> split(const std::string& value) {
  std::vector<std::string> words;
  for (size_t start = 0; start <= value.size();) {
    const size_t end = std::min(value.find(',', start), value.size());
    std::string word = trim(value.substr(start, end - start));
    if (!word.empty()) words.push_back(std::move(word));
    start = end + 1;
  }
  return words;
}

Expectation set_words(ServerConfig& config, const std::string& value) {
  config.four_letter_words = split(value);
  return "";
}

Expectation set_force_sync(ServerConfig& config, const std::string& value) {
  // As ZooKeeper reads it: anything but "no" syncs.
  config.force_sync = value != "no";
  return "";
}

Expectation set_skip_acl(ServerConfig& config, const std::string& value) {
  config.skip_acl = value == "yes";
  return "";
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// As Java's Boolean.parseBoolean: anything but "true" is false.
bool is_true(const std::string& value) { return lower_case(value) == "true"; }

template <auto Member>
Expectation set_flag(ServerConfig& config, const std::string& value) {
  config.*Member = is_true(value);
  return "";
}

Expectation set_preallocation(ServerConfig& config, const std::string& value) {
  int64_t kib = 0;
  const Expectation expected = take_number<int64_t>(value, 0, INT_MAX, &kib);
  if (expected.empty()) config.preallocate_bytes = kib * 1024;
  return expected;
}

Expectation set_log_size(ServerConfig& config, const std::string& value) {
  int64_t kib = 0;
  const Expectation expected = take_number<int64_t>(value, -1, LLONG_MAX / 1024, &kib);
  if (expected.empty()) config.log_size_limit_bytes = kib > 0 ? kib * 1024 : LLONG_MAX;
  return expected;
}

Expectation set_compression(ServerConfig& config, const std::string& value) {
  if (value != "" && value != "gz") {
    return "nothing or gz: snapshots in snappy are not written or read here";
  }
  config.compress_snapshots = value == "gz";
  return "";
}

Expectation set_initial_zxid(ServerConfig& config, const std::string& value) {
  return take_number<int64_t>(value, 0, LLONG_MAX, &config.initial_zxid);
}

Expectation set_metrics_provider(ServerConfig& config, const std::string& value) {
  config.prometheus = value == "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider";
  const bool known = config.prometheus || value.empty() ||
                     value == "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider" ||
                     value == "org.apache.zookeeper.metrics.impl.NullMetricsProvider";
  return known ? ""
               : "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider or nothing: others are "
                 "Java "
                 "classes";
}

Expectation ignore(ServerConfig&, const std::string&) { return ""; }

template <auto Member>
Expectation set_security_text(ServerConfig& config, const std::string& value) {
  config.security.*Member = value;
  return "";
}

template <auto Member>
Expectation set_security_flag(ServerConfig& config, const std::string& value) {
  config.security.*Member = is_true(value);
  return "";
}

Expectation set_enforced_schemes(ServerConfig& config, const std::string& value) {
  config.security.enforced_schemes = split(value);
  return "";
}

Expectation set_secure_port(ServerConfig& config, const std::string& value) {
  return take_number<int>(value, 0, 65535, &config.security.secure_port);
}

template <auto Store, auto Member>
Expectation set_store(ServerConfig& config, const std::string& value) {
  (config.security.tls.*Store).*Member = value;
  return "";
}

Expectation set_client_auth(ServerConfig& config, const std::string& value) {
  const std::string lower = lower_case(value);
  if (lower != "none" && lower != "want" && lower != "need" && !lower.empty()) return "none, want or need";
  config.security.tls.client_auth = lower == "none"   ? tls::ClientAuth::kNone
                                    : lower == "want" ? tls::ClientAuth::kWant
                                                      : tls::ClientAuth::kNeed;
  return "";
}

// The only one, where ssl.enabledProtocols does not name more.
Expectation set_protocol(ServerConfig& config, const std::string& value) {
  if (config.security.tls.protocols.empty()) config.security.tls.protocols = {value};
  return "";
}

Expectation set_protocols(ServerConfig& config, const std::string& value) {
  config.security.tls.protocols = split(value);
  return "";
}

Expectation set_ciphers(ServerConfig& config, const std::string& value) {
  config.security.tls.ciphers = split(value);
  return "";
}

Expectation set_snap_size(ServerConfig& config, const std::string& value) {
  int64_t kib = 0;
  const Expectation expected = take_number<int64_t>(value, -1, LLONG_MAX / 1024, &kib);
  // Not positive: the limit is off.
  if (expected.empty()) config.snap_size_limit_bytes = kib > 0 ? kib * 1024 : LLONG_MAX;
  return expected;
}

Expectation set_max_buffer(ServerConfig& config, const std::string& value) {
  // Java's Integer.decode form "0xfffff" is what people copy from the documentation.
  if (value.rfind("0x", 0) == 0) {
    int32_t parsed = 0;
    const auto [end, error] = std::from_chars(value.data() + 2, value.data() + value.size(), parsed, 16);
    if (error == std::errc() && end == value.data() + value.size() && parsed > 0) {
      config.max_frame_bytes = parsed;
      return "";
    }
  }
  return take_number<int32_t>(value, 1024, INT_MAX, &config.max_frame_bytes);
}

struct Key {
  const char* name;
  Expectation (*set)(ServerConfig&, const std::string&);
};

using C = ServerConfig;
using S = SecurityConfig;
using T = tls::Settings;
constexpr Key kKeys[] = {
    {"dataDir", set_path<&C::data_dir>},
    {"dataLogDir", set_path<&C::data_log_dir>},
    {"clientPort", set_number<&C::client_port, 0, 65535>},
    {"clientPortAddress", set_text<&C::client_port_address>},
    {"tickTime", set_number<&C::tick_time_ms, 1, 3'600'000>},
    {"minSessionTimeout", set_number<&C::min_session_timeout_ms, -1, INT_MAX>},
    {"maxSessionTimeout", set_number<&C::max_session_timeout_ms, -1, INT_MAX>},
    {"maxClientCnxns", set_number<&C::max_client_connections, 0, INT_MAX>},
    {"snapCount", set_number<&C::snap_count, 2, INT_MAX>},
    {"snapSizeLimitInKb", set_snap_size},
    {"autopurge.snapRetainCount", set_number<&C::snap_retain_count, 0, INT_MAX>},
    {"autopurge.purgeInterval", set_number<&C::purge_interval_hours, 0, 24 * 365>},
    {"4lw.commands.whitelist", set_words},
    {"forceSync", set_force_sync},
    {"skipACL", set_skip_acl},
    {"DigestAuthenticationProvider.superDigest", set_text<&C::super_digest>},
    {"jute.maxbuffer", set_max_buffer},
    {"globalOutstandingLimit", set_number<&C::outstanding_limit, 1, INT_MAX>},
    {"maxCnxns", set_number<&C::max_connections, 0, INT_MAX>},
    {"nio.sessionlessCnxnTimeout", set_number<&C::sessionless_timeout_ms, 0, INT_MAX>},
    {"extendedTypesEnabled", set_flag<&C::extended_types>},
    {"emulate353TTLNodes", set_flag<&C::emulate_353_ttl>},
    {"enforceQuota", set_flag<&C::enforce_quota>},
    {"reconfigEnabled", set_flag<&C::reconfig_enabled>},
    {"DigestAuthenticationProvider.enabled", set_flag<&C::digest_enabled>},
    {"znode.container.checkIntervalMs", set_number<&C::container_check_ms, 1, INT_MAX>},
    {"znode.container.maxPerMinute", set_number<&C::containers_per_minute, 1, INT_MAX>},
    {"znode.container.maxNeverUsedIntervalMs", set_number<&C::container_unused_ms, 0, LLONG_MAX>},
    {"preAllocSize", set_preallocation},
    {"txnLogSizeLimitInKb", set_log_size},
    {"fsync.warningthresholdms", set_number<&C::sync_warning_ms, 0, INT_MAX>},
    {"snapshot.compression.method", set_compression},
    {"snapshot.trust.empty", set_flag<&C::trust_empty_snapshot>},
    {"datadir.autocreate", set_flag<&C::create_directories>},
    {"testingonly.initialZxid", set_initial_zxid},
    {"admin.enableServer", set_flag<&C::admin_enabled>},
    {"admin.serverPort", set_number<&C::admin_port, 0, 65535>},
    {"admin.serverAddress", set_text<&C::admin_address>},
    {"admin.commandURL", set_text<&C::admin_url>},
    {"metricsProvider.className", set_metrics_provider},
    {"metricsProvider.httpPort", set_number<&C::metrics_port, 0, 65535>},
    {"metricsProvider.httpHost", set_text<&C::metrics_address>},
    {"java.security.auth.login.config", set_security_text<&S::login_config>},
    {"sasl.serverconfig", set_security_text<&S::login_section>},
    {"SASLAuthenticationProvider.superPassword", set_security_text<&S::sasl_super_password>},
    {"letAnySaslUserDoX", set_security_text<&S::let_any_sasl_user_do>},
    {"allowSaslFailedClients", set_security_flag<&S::allow_sasl_failed_clients>},
    {"kerberos.removeHostFromPrincipal", set_security_flag<&S::remove_host>},
    {"kerberos.removeRealmFromPrincipal", set_security_flag<&S::remove_realm>},
    {"enforce.auth.enabled", set_security_flag<&S::enforce_schemes>},
    {"enforce.auth.schemes", set_enforced_schemes},
    {"sessionRequireClientSASLAuth", set_security_flag<&S::session_requires_sasl>},
    {"secureClientPort", set_secure_port},
    {"secureClientPortAddress", set_security_text<&S::secure_port_address>},
    {"client.portUnification", set_security_flag<&S::port_unification>},
    {"ssl.keyStore.location", set_store<&T::key_store, &tls::Store::path>},
    {"ssl.keyStore.password", set_store<&T::key_store, &tls::Store::password>},
    {"ssl.keyStore.passwordPath", set_security_text<&S::key_store_password_path>},
    {"ssl.keyStore.type", set_store<&T::key_store, &tls::Store::type>},
    {"ssl.trustStore.location", set_store<&T::trust_store, &tls::Store::path>},
    {"ssl.trustStore.password", set_store<&T::trust_store, &tls::Store::password>},
    {"ssl.trustStore.passwordPath", set_security_text<&S::trust_store_password_path>},
    {"ssl.trustStore.type", set_store<&T::trust_store, &tls::Store::type>},
    {"ssl.clientAuth", set_client_auth},
    {"ssl.protocol", set_protocol},
    {"ssl.enabledProtocols", set_protocols},
    {"ssl.ciphersuites", set_ciphers},
    {"X509AuthenticationProvider.superUser", set_security_text<&S::x509_super_user>},
    // Of the JVM's own figures and its pool of threads: nothing to set, nothing missed.
    {"metricsProvider.exportJvmInfo", ignore},
    {"metricsProvider.numWorkerThreads", ignore},
    {"metricsProvider.maxQueueSize", ignore},
    {"metricsProvider.workerShutdownTimeoutMs", ignore},
};

// Levenshtein, without regard to case.
size_t distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (std::tolower(a[i - 1]) != std::tolower(b[j - 1]));
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
    }
  }
  return row[b.size()];
}

std::string nearest_key(const std::string& key) {
  const auto* best = std::min_element(std::begin(kKeys), std::end(kKeys), [&](const Key& a, const Key& b) {
    return distance(key, a.name) < distance(key, b.name);
  });
  // Something in common, at least.
  return distance(key, best->name) <= std::max<size_t>(2, key.size() / 2) ? best->name : "";
}

std::string place(const std::string& file, int line) {
  if (line == 0) return "";
  return fmt::format("{}:{}: ", file, line);
}

Status check_whole(ParsedConfig& parsed, const std::string& file) {
  ServerConfig& config = parsed.config;
  if (config.data_dir.empty()) {
    return {ErrorCode::INVALID_CONFIG,
            fmt::format("{}: dataDir is not set: name the directory for snapshots", file)};
  }
  if (!config.client_port_address.empty() && config.client_port == 0) {
    return {ErrorCode::INVALID_CONFIG,
            fmt::format("{}: clientPortAddress is set but clientPort is not", file)};
  }
  if (config.min_session_timeout() > config.max_session_timeout()) {
    return {ErrorCode::INVALID_CONFIG,
            fmt::format("{}: minSessionTimeout ({}) is larger than maxSessionTimeout ({})", file,
                        config.min_session_timeout(), config.max_session_timeout())};
  }
  if (const Status secure = check_security(config.security); !secure.ok())
    return {ErrorCode::INVALID_CONFIG, fmt::format("{}: {}", file, secure.message())};
  if (config.snap_retain_count < 3) {
    parsed.warnings.push_back(fmt::format("{}: autopurge.snapRetainCount={} is less than 3, taken as 3", file,
                                          config.snap_retain_count));
    config.snap_retain_count = 3;
  }
  return {};
}

}  // namespace

Result<ParsedConfig> parse_server_config(const std::vector<Property>& properties, const std::string& file) {
  ParsedConfig parsed;
  for (const Property& property : properties) {
    std::string key = trim(property.key);
    const std::string value = trim(property.value);
    const std::string where = place(file, property.line);
    if (key == "dataUrl") {
      parsed.warnings.push_back(where + "dataUrl is taken as dataDir, which is the key's name");
      key = "dataDir";
    }
    parsed.config.initial_text += fmt::format("{}={}\n", key, is_secret(key) ? "[hidden]" : value);
    // System properties may be written with their prefix or without.
    const std::string bare = key.rfind("zookeeper.", 0) == 0 ? key.substr(10) : key;
    const SecurityKey family = take_security_key(bare, value, &parsed.config.security);
    if (family == SecurityKey::kTaken) continue;
    if (family == SecurityKey::kNoSuchProvider) {
      parsed.warnings.push_back(
          fmt::format("{}{} has no effect: {} is a Java class; digest, ip, sasl and x509 are built in", where,
                      key, value));
      continue;
    }
    const auto* known =
        std::find_if(std::begin(kKeys), std::end(kKeys), [&](const Key& row) { return bare == row.name; });
    if (known != std::end(kKeys)) {
      const Expectation expected = known->set(parsed.config, value);
      if (!expected.empty()) {
        return Status(ErrorCode::INVALID_CONFIG,
                      fmt::format("{}{}={}: expected {}", where, key, value, expected));
      }
    } else if (const IdleKey* idle = find_idle_key(bare)) {
      if (idle->why != nullptr)
        parsed.warnings.push_back(fmt::format("{}{} has no effect: {}", where, key, idle->why));
    } else {
      const std::string near = nearest_key(key);
      parsed.warnings.push_back(
          fmt::format("{}unknown key {}{}", where, key, near.empty() ? "" : "; did you mean " + near + "?"));
    }
  }
  Status whole = check_whole(parsed, file);
  if (!whole.ok()) return whole;
  return parsed;
}

}  // namespace ottla::coordination
