// SPDX-License-Identifier: Apache-2.0
// The text of a configuration value: whether a key allows it, what it means, how Kafka would print it back.
//
// Kafka's counterpart is org.apache.kafka.common.config.ConfigDef (parseType, the validators,
// convertToString).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/definitions.h"
#include "protocol/base/status.h"

namespace ottla::config {

// Values by key, as they were written.
using ConfigMap = std::map<std::string, std::string>;

std::string_view trimmed(std::string_view text);

// "a , b,c" -> a b c; nothing for a blank text. Empty elements stay, as in Kafka ("a,,b" has three).
std::vector<std::string> split_list(std::string_view text);

// What Java's Integer.parseInt and Long.parseLong take: digits with an optional sign.
std::optional<int64_t> parse_whole(std::string_view text, int64_t min, int64_t max);
// What Double.parseDouble takes, hexadecimal aside.
std::optional<double> parse_real(std::string_view text);

// INVALID_CONFIG with Kafka's sentence ("Invalid value x for configuration retention.ms: ...") where the key
// does not allow `value`. A password is not repeated in it.
Status check_value(const Definition& definition, std::string_view value);

// What the key takes, for a person who wrote something else: "a whole number (64 bit), at least 1".
std::string expectation(const Definition& definition);

// `value` as Kafka prints it once parsed: " 010 " -> "10", "TRUE" -> "true", "a, b" -> "a,b".
// REQUIRES: check_value is ok.
std::string canonical_value(const Definition& definition, std::string_view value);

// Typed access to a map whose values are checked already; a key that is not in it has its default.
// REQUIRES: every key asked for is in the table, with the type asked for; `map` outlives it.
class Values {
 public:
  Values(Scope scope, const ConfigMap& map) : scope_(scope), map_(map) {}

  bool has(std::string_view key) const { return map_.contains(std::string(key)); }
  std::optional<std::string> text(std::string_view key) const;
  // REQUIRES: the default is not null.
  std::string text_or_default(std::string_view key) const;
  bool boolean(std::string_view key) const;
  int64_t number(std::string_view key) const;
  int32_t int32(std::string_view key) const { return static_cast<int32_t>(number(key)); }
  std::optional<int64_t> optional_number(std::string_view key) const;
  double real(std::string_view key) const;
  std::vector<std::string> list(std::string_view key) const;

 private:
  Scope scope_;
  const ConfigMap& map_;
};

}  // namespace ottla::config
