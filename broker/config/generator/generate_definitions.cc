// SPDX-License-Identifier: Apache-2.0
// Turns definitions.json into the constant table that broker/config/definitions.cc includes. Run by the
// build:
//   generate_definitions DEFINITIONS.JSON OUTPUT
//
// An entry of the JSON file:
//   scope     broker, topic, group, client-metrics, dynamic-broker
//   type      as 4.3.1 has it; type_2_8 where 2.8.0 differs (and then it is 2.8.0's that is used)
//   default_2_8, default_4_3   text, null, or "required"; left out where the release does not have the key
//   valid     "[1,...]", "[1,...,9]", "[1,...,9] or -1", "[a, b]", "(case insensitive) [a, b]", "non-empty
//   string",
//             "release", "throttled replicas"; others ("non-empty list") are for the reader only
//   update    per-broker or cluster-wide; left out: read-only
//   internal, internal_2_8, importance, doc
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using nlohmann::json;

const std::vector<std::string> kScopes = {"broker", "topic", "group", "client-metrics", "dynamic-broker"};
const std::vector<std::string> kScopeNames = {"kBroker", "kTopic", "kGroup", "kClientMetrics",
                                              "kDynamicBroker"};

class Pool {
 public:
  // "{offset, size}" of `text`, which is added once.
  std::string add(const std::string& text) {
    size_t offset = text_.find(text);
    if (offset == std::string::npos) {
      offset = text_.size();
      text_ += text;
      if (text_.size() >= 0xFFFE) throw std::runtime_error("the texts do not fit 16 bit offsets");
    }
    return "{" + std::to_string(offset) + ", " + std::to_string(text.size()) + "}";
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string default_of(const json& entry, const char* key, Pool& pool) {
  if (!entry.contains(key)) return "{Definition::kAbsent, 0}";
  if (entry[key].is_null() || entry[key] == "required") return "{Definition::kNull, 0}";
  return pool.add(entry[key].get<std::string>());
}

struct RuleText {
  std::string rule = "kNone";
  std::string allowed;
  std::string min = "-kOpen";
  std::string max = "kOpen";
};

std::string without_blanks(std::string text) {
  std::erase(text, ' ');
  return text;
}

RuleText rule_of(const std::string& valid) {
  RuleText rule;
  const size_t open = valid.find('[');
  if (open != std::string::npos) {
    const size_t close = valid.find(']', open);
    const std::string inside = without_blanks(valid.substr(open + 1, close - open - 1));
    const size_t dots = inside.find(",...");
    if (dots != std::string::npos) {
      rule.rule = valid.ends_with(" or -1") ? "kRangeOrMinusOne" : "kRange";
      rule.min = inside.substr(0, dots);
      if (inside.size() > dots + 5) rule.max = inside.substr(dots + 5);
    } else {
      rule.rule = valid.starts_with("(case insensitive)") ? "kOneOfAnyCase" : "kOneOf";
      rule.allowed = inside;
    }
  } else if (valid == "release") {
    rule.rule = "kRelease";
  } else if (valid == "throttled replicas") {
    rule.rule = "kThrottledReplicas";
  } else if (valid == "non-empty string") {
    rule.rule = "kNonEmpty";
  }
  return rule;
}

std::string capitalized(std::string text) {
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string row_of(const json& entry, Pool& pool) {
  const auto scope = std::ranges::find(kScopes, entry.at("scope").get<std::string>()) - kScopes.begin();
  const std::string type = entry.value("type_2_8", entry.at("type").get<std::string>());
  const std::string update = entry.value("update", "read-only");
  const RuleText rule = rule_of(entry.value("valid", ""));
  const bool internal = entry.value("internal", false) || entry.value("internal_2_8", false);
  std::string row = "    {" + pool.add(entry.at("name").get<std::string>());
  row += ", " + pool.add(rule.allowed) + ", " + pool.add(entry.value("doc", ""));
  row += ", " + default_of(entry, "default_2_8", pool) + ", " + default_of(entry, "default_4_3", pool);
  row += ", " + rule.min + ", " + rule.max + ", Scope::" + kScopeNames.at(scope);
  row += ", ValueType::k" + capitalized(type) + ", UpdateMode::";
  row += update == "read-only" ? "kReadOnly" : update == "per-broker" ? "kPerBroker" : "kClusterWide";
  row += ", Importance::k" + capitalized(entry.at("importance").get<std::string>()) + ", Rule::" + rule.rule;
  return row + (internal ? ", true},\n" : ", false},\n");
}

void write_pool(std::ostream& out, const std::string& text) {
  out << "constexpr char kText[] =";
  for (size_t at = 0; at < text.size(); at += 96) {
    out << "\n    \"";
    for (const char c : text.substr(at, 96)) {
      if (c == '"' || c == '\\') out << '\\';
      out << c;
    }
    out << '"';
  }
  out << ";\n\n";
}

void generate(const char* source, const char* target) {
  std::ifstream in(source);
  json entries = json::parse(in);
  std::map<std::pair<size_t, std::string>, const json*> sorted;
  for (const json& entry : entries) {
    const auto scope = std::ranges::find(kScopes, entry.at("scope").get<std::string>());
    if (scope == kScopes.end()) throw std::runtime_error("unknown scope in " + entry.dump());
    const bool added = sorted.emplace(std::pair(scope - kScopes.begin(), entry.at("name")), &entry).second;
    if (!added) throw std::runtime_error("twice: " + entry.dump());
  }
  Pool pool;
  std::string rows;
  for (const auto& [key, entry] : sorted) rows += row_of(*entry, pool);
  std::ofstream out(target);
  write_pool(out, pool.text());
  out << "constexpr Definition kDefinitions[] = {\n" << rows << "};\n";
  if (!out.flush()) throw std::runtime_error(std::string("cannot write ") + target);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: generate_definitions DEFINITIONS.JSON OUTPUT\n");
    return 2;
  }
  try {
    generate(argv[1], argv[2]);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s: %s\n", argv[1], problem.what());
    return 1;
  }
  return 0;
}
