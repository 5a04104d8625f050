// SPDX-License-Identifier: Apache-2.0
#include "broker/config/definitions.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "protocol/base/status.h"

namespace ottla::config {

namespace {

constexpr double kOpen = std::numeric_limits<double>::infinity();

// kText (one string with every name, default and rule) and kDefinitions (sorted by scope, then name).
#include "broker/config/definitions.inc"

// Levenshtein's distance.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view Definition::text(Text text) { return {kText + text.offset, text.size}; }

std::span<const Definition> definitions(Scope scope) {
  const auto range = std::ranges::equal_range(kDefinitions, scope, {}, &Definition::scope);
  return {range.begin(), range.end()};
}

const Definition* find_definition(Scope scope, std::string_view name) {
  const std::span<const Definition> all = definitions(scope);
  const auto found = std::ranges::lower_bound(all, name, {}, &Definition::name);
  return found != all.end() && found->name() == name ? &*found : nullptr;
}

std::string_view nearest_key(Scope scope, std::string_view name) {
  // Names are short; a line of rubbish is not worth comparing.
  if (name.size() > 100) return {};
  std::string_view nearest;
  size_t least = std::max<size_t>(2, name.size() / 3) + 1;
  for (const Definition& definition : definitions(scope)) {
    const size_t distance = edit_distance(name, definition.name());
    if (distance < least) {
      least = distance;
      nearest = definition.name();
    }
  }
  return nearest;
}

std::string_view type_name(ValueType type) {
  switch (type) {
    case ValueType::kUnknown:
      return "UNKNOWN";
    case ValueType::kBoolean:
      return "BOOLEAN";
    case ValueType::kString:
      return "STRING";
    case ValueType::kInt:
      return "INT";
    case ValueType::kShort:
      return "SHORT";
    case ValueType::kLong:
      return "LONG";
    case ValueType::kDouble:
      return "DOUBLE";
    case ValueType::kList:
      return "LIST";
    case ValueType::kClass:
      return "CLASS";
    case ValueType::kPassword:
      return "PASSWORD";
  }
  check_failed("a type of the table", __FILE__, __LINE__);
}

}  // namespace ottla::config
