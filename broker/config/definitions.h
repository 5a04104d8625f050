// SPDX-License-Identifier: Apache-2.0
// Every configuration key that Kafka 2.8.0 or 4.3.1 knows: type, defaults, what values are allowed, where it
// may be changed.
//
// The source is definitions.json; broker/config/generator turns it into a constant table at build time, so a
// start pays nothing for it: no parsing, no constructors, no relocations (rows hold offsets into one string).
// Where 2.8.0 and 4.3.1 disagree on a type or a rule, 2.8.0's is kept, which is the wider one.
//
// Any thread. Views are valid for the life of the program.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ottla::config {

// Numbers are those of DescribeConfigsResponse v3 ("ConfigType").
enum class ValueType : int8_t {
  kUnknown = 0,
  kBoolean = 1,
  kString = 2,
  kInt = 3,
  kShort = 4,
  kLong = 5,
  kDouble = 6,
  kList = 7,
  kClass = 8,
  kPassword = 9,
};

// kDynamicBroker: broker keys that exist only as overrides (Kafka's DynamicConfig.Broker), never in
// server.properties.
enum class Scope : uint8_t { kBroker, kTopic, kGroup, kClientMetrics, kDynamicBroker };
enum class UpdateMode : uint8_t { kReadOnly, kPerBroker, kClusterWide };
enum class Importance : uint8_t { kHigh, kMedium, kLow };

enum class Rule : uint8_t {
  kNone,
  kRange,            // min() and max(), both inclusive
  kRangeOrMinusOne,  // the same, or -1
  kOneOf,            // allowed(); of a list: every element
  kOneOfAnyCase,
  kNonEmpty,
  kRelease,            // "2.8", "2.8.0", "2.8-IV1"
  kThrottledReplicas,  // "*", or partition:broker pairs
};

struct Definition {
  std::string_view name() const { return text(name_); }
  Scope scope() const { return scope_; }
  ValueType type() const { return type_; }
  bool sensitive() const { return type_ == ValueType::kPassword; }
  UpdateMode update_mode() const { return update_mode_; }
  Importance importance() const { return importance_; }
  // Kafka neither documents the key nor shows it in DescribeConfigs.
  bool internal() const { return internal_; }
  bool in_2_8() const { return default_2_8_.offset != kAbsent; }
  bool in_4_3() const { return default_4_3_.offset != kAbsent; }
  // As text, a list's elements joined by ","; nothing where the default is null, where a value is required,
  // or where the release does not have the key.
  std::optional<std::string_view> default_2_8() const { return optional_text(default_2_8_); }
  std::optional<std::string_view> default_4_3() const { return optional_text(default_4_3_); }
  // The default in force: 2.8.0's, or 4.3.1's where 2.8.0 does not have the key.
  std::optional<std::string_view> default_value() const { return in_2_8() ? default_2_8() : default_4_3(); }
  Rule rule() const { return rule_; }
  double min() const { return min_; }  // -infinity where open
  double max() const { return max_; }  // +infinity where open
  std::string_view allowed() const { return text(allowed_); }
  // One line in our words; empty for most keys.
  std::string_view documentation() const { return text(documentation_); }

  // The rest is the generated table's.
  struct Text {
    uint16_t offset;
    uint16_t size;
  };
  static constexpr uint16_t kNull = 0xFFFF;
  static constexpr uint16_t kAbsent = 0xFFFE;
  static std::string_view text(Text text);
  static std::optional<std::string_view> optional_text(Text value) {
    if (value.offset >= kAbsent) return std::nullopt;
    return text(value);
  }
  Text name_, allowed_, documentation_, default_2_8_, default_4_3_;
  double min_, max_;
  Scope scope_;
  ValueType type_;
  UpdateMode update_mode_;
  Importance importance_;
  Rule rule_;
  bool internal_;
};

// All keys of a scope, by name.
std::span<const Definition> definitions(Scope scope);

// Null where the scope has no such key.
const Definition* find_definition(Scope scope, std::string_view name);

// The key of `scope` that `name` was probably meant to be; empty where none is near.
std::string_view nearest_key(Scope scope, std::string_view name);

// How a type is called in Kafka's messages: "INT".
std::string_view type_name(ValueType type);

}  // namespace ottla::config
