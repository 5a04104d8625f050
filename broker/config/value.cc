// SPDX-License-Identifier: Apache-2.0
#include "broker/config/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace ottla::config {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equal_any_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

bool is_blank(char c) { return static_cast<unsigned char>(c) <= ' '; }

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

struct Range {
  int64_t min;
  int64_t max;
};

std::optional<Range> whole_range(ValueType type) {
  switch (type) {
    case ValueType::kInt:
      return Range{std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
    case ValueType::kShort:
      return Range{std::numeric_limits<int16_t>::min(), std::numeric_limits<int16_t>::max()};
    case ValueType::kLong:
      return Range{std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
    default:
      return std::nullopt;
  }
}

bool is_allowed(const Definition& definition, std::string_view value) {
  const std::vector<std::string> allowed = split_list(definition.allowed());
  const bool any_case = definition.rule() == Rule::kOneOfAnyCase;
  return std::ranges::any_of(allowed, [&](const std::string& word) {
    return any_case ? equal_any_case(word, value) : word == value;
  });
}

// Kafka's ApiVersion / MetadataVersion: "2", "2.8" and "2.8.0" name the newest of a release, "2.8-IV1" one
// step of it.
bool is_release(std::string_view text) {
  const size_t dash = text.find("-IV");
  if (dash != std::string_view::npos) {
    if (!all_digits(text.substr(dash + 3))) return false;
    text = text.substr(0, dash);
  }
  int parts = 0;
  while (true) {
    const size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    if (!all_digits(part) || part.size() > 3) return false;
    if (parts == 0 && part.size() > 1) return false;
    ++parts;
    if (dot == std::string_view::npos) break;
    text = text.substr(dot + 1);
  }
  return parts >= 2 && parts <= 4;
}

bool is_throttled_replica(std::string_view text) {
  const size_t colon = text.find(':');
  return colon != std::string_view::npos && all_digits(text.substr(0, colon)) &&
         all_digits(text.substr(colon + 1));
}

// Kafka's sentence for a number that its range does not allow; empty where it does.
std::string range_problem(const Definition& definition, double number) {
  if (definition.rule() == Rule::kRangeOrMinusOne && number == -1) return {};
  if (definition.rule() != Rule::kRange && definition.rule() != Rule::kRangeOrMinusOne) return {};
  if (number < definition.min()) return fmt::format("Value must be at least {}", definition.min());
  if (number > definition.max()) return fmt::format("Value must be no more than {}", definition.max());
  return {};
}

std::string list_problem(const Definition& definition, std::string_view value) {
  const std::vector<std::string> elements = split_list(value);
  if (definition.rule() == Rule::kOneOf) {
    for (const std::string& element : elements) {
      if (!is_allowed(definition, element)) {
        return fmt::format("String must be one of: {}", fmt::join(split_list(definition.allowed()), ", "));
      }
    }
  }
  if (definition.rule() == Rule::kThrottledReplicas && !(elements.size() == 1 && elements[0] == "*") &&
      !std::ranges::all_of(elements, is_throttled_replica)) {
    return "must be '*', or partition:broker pairs separated by commas";
  }
  return {};
}

std::string text_problem(const Definition& definition, std::string_view value) {
  switch (definition.rule()) {
    case Rule::kOneOf:
    case Rule::kOneOfAnyCase:
      if (is_allowed(definition, value)) return {};
      return fmt::format("String must be one of{}: {}",
                         definition.rule() == Rule::kOneOfAnyCase ? " (case insensitive)" : "",
                         fmt::join(split_list(definition.allowed()), ", "));
    case Rule::kNonEmpty:
      return value.empty() ? "String must be non-empty" : "";
    case Rule::kRelease:
      return is_release(value) ? "" : "is not the version of a release";
    case Rule::kNone:
    case Rule::kRange:
    case Rule::kRangeOrMinusOne:
    case Rule::kThrottledReplicas:
      return {};
  }
  check_failed("a rule of the table", __FILE__, __LINE__);
}

// What is wrong with `value`, which is trimmed; empty where nothing is.
std::string problem_of(const Definition& definition, std::string_view value) {
  if (const std::optional<Range> range = whole_range(definition.type())) {
    const std::optional<int64_t> number = parse_whole(value, range->min, range->max);
    if (!number) return fmt::format("Not a number of type {}", type_name(definition.type()));
    return range_problem(definition, static_cast<double>(*number));
  }
  switch (definition.type()) {
    case ValueType::kBoolean:
      if (equal_any_case(value, "true") || equal_any_case(value, "false")) return {};
      return "Expected value to be either true or false";
    case ValueType::kDouble: {
      const std::optional<double> number = parse_real(value);
      return number ? range_problem(definition, *number) : "Not a number of type DOUBLE";
    }
    case ValueType::kList:
      return list_problem(definition, value);
    default:
      return text_problem(definition, value);
  }
}

// Double.toString: plain between 10^-3 and 10^7, with an exponent elsewhere, and always with a decimal point.
std::string java_double(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  const double size = std::fabs(number);
  char buffer[64];
  const bool plain = size == 0 || (size >= 1e-3 && size < 1e7);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto written = std::to_chars(buffer, buffer + sizeof buffer, number, format);
  std::string text(buffer, written.ptr);
  if (plain) return text.find('.') == std::string::npos ? text + ".0" : text;
  const size_t e = text.find('e');
  std::string mantissa = text.substr(0, e);
  if (mantissa.find('.') == std::string::npos) mantissa += ".0";
  return mantissa + "E" + std::to_string(std::stoi(text.substr(e + 1)));
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> elements;
  text = trimmed(text);
  if (text.empty()) return elements;
  while (true) {
    const size_t comma = text.find(',');
    elements.emplace_back(trimmed(text.substr(0, comma)));
    if (comma == std::string_view::npos) return elements;
    text = text.substr(comma + 1);
  }
}

std::optional<int64_t> parse_whole(std::string_view text, int64_t min, int64_t max) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  if (number < min || number > max) return std::nullopt;
  return number;
}

std::optional<double> parse_real(std::string_view text) {
  if (!text.empty() && std::string_view("dDfF").find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  if (text.empty()) return std::nullopt;
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  // from_chars would take "inf" and "nan" too, which Java does not.
  if (std::ranges::any_of(text,
                          [](char c) { return lower(c) != 'e' && lower(c) >= 'a' && lower(c) <= 'z'; })) {
    return std::nullopt;
  }
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

Status check_value(const Definition& definition, std::string_view value) {
  const std::string problem = problem_of(definition, trimmed(value));
  if (problem.empty()) return {};
  return {ErrorCode::INVALID_CONFIG,
          fmt::format("Invalid value {} for configuration {}: {}",
                      definition.sensitive() ? "[hidden]" : value, definition.name(), problem)};
}

std::string expectation(const Definition& definition) {
  std::string text;
  switch (definition.type()) {
    case ValueType::kBoolean:
      return "true or false";
    case ValueType::kInt:
      text = "a whole number (32 bit)";
      break;
    case ValueType::kShort:
      text = "a whole number (16 bit)";
      break;
    case ValueType::kLong:
      text = "a whole number (64 bit)";
      break;
    case ValueType::kDouble:
      text = "a number";
      break;
    case ValueType::kList:
      text = "a list separated by commas";
      break;
    default:
      text = "a text";
  }
  switch (definition.rule()) {
    case Rule::kRange:
    case Rule::kRangeOrMinusOne:
      if (std::isinf(definition.max())) return fmt::format("{}, at least {}", text, definition.min());
      return fmt::format("{} from {} to {}{}", text, definition.min(), definition.max(),
                         definition.rule() == Rule::kRangeOrMinusOne ? ", or -1" : "");
    case Rule::kOneOf:
    case Rule::kOneOfAnyCase: {
      const std::string words = fmt::format("{}", fmt::join(split_list(definition.allowed()), ", "));
      return definition.type() == ValueType::kList ? text + " of " + words : "one of " + words;
    }
    case Rule::kNonEmpty:
      return text + " that is not empty";
    case Rule::kRelease:
      return "the version of a Kafka release, such as 2.8";
    case Rule::kThrottledReplicas:
      return "*, or partition:broker pairs separated by commas";
    case Rule::kNone:
      return text;
  }
  check_failed("a rule of the table", __FILE__, __LINE__);
}

std::string canonical_value(const Definition& definition, std::string_view value) {
  value = trimmed(value);
  if (const std::optional<Range> range = whole_range(definition.type())) {
    const std::optional<int64_t> number = parse_whole(value, range->min, range->max);
    OTTLA_CHECK(number.has_value());
    return std::to_string(*number);
  }
  switch (definition.type()) {
    case ValueType::kBoolean:
      return equal_any_case(value, "true") ? "true" : "false";
    case ValueType::kDouble: {
      const std::optional<double> number = parse_real(value);
      OTTLA_CHECK(number.has_value());
      return java_double(*number);
    }
    case ValueType::kList:
      return fmt::format("{}", fmt::join(split_list(value), ","));
    default:
      return std::string(value);
  }
}

std::optional<std::string> Values::text(std::string_view key) const {
  const auto found = map_.find(std::string(key));
  if (found != map_.end()) return std::string(trimmed(found->second));
  const Definition* definition = find_definition(scope_, key);
  OTTLA_CHECK(definition != nullptr);
  const std::optional<std::string_view> value = definition->default_value();
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

std::string Values::text_or_default(std::string_view key) const {
  std::optional<std::string> value = text(key);
  OTTLA_CHECK(value.has_value());
  return *std::move(value);
}

bool Values::boolean(std::string_view key) const { return equal_any_case(text_or_default(key), "true"); }

int64_t Values::number(std::string_view key) const {
  const std::optional<int64_t> number = optional_number(key);
  OTTLA_CHECK(number.has_value());
  return *number;
}

std::optional<int64_t> Values::optional_number(std::string_view key) const {
  const std::optional<std::string> value = text(key);
  if (!value) return std::nullopt;
  const std::optional<int64_t> number =
      parse_whole(*value, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  OTTLA_CHECK(number.has_value());
  return number;
}

double Values::real(std::string_view key) const {
  const std::optional<double> number = parse_real(text_or_default(key));
  OTTLA_CHECK(number.has_value());
  return *number;
}

std::vector<std::string> Values::list(std::string_view key) const {
  return split_list(text(key).value_or(""));
}

}  // namespace ottla::config
