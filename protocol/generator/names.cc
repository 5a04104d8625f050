// SPDX-License-Identifier: Apache-2.0
#include "protocol/generator/names.h"

#include <cctype>
#include <set>

namespace ottla::generator {

namespace {

bool is_upper(char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }
bool is_lower(char c) { return std::islower(static_cast<unsigned char>(c)) != 0; }

}  // namespace

std::string snake_case(std::string_view name) {
  std::string words(name);
  // One word, whatever its capitals say.
  if (const size_t kraft = words.find("KRaft"); kraft != std::string::npos) words[kraft + 1] = 'r';
  std::string result;
  for (size_t i = 0; i < words.size(); ++i) {
    const bool starts_word = i > 0 && is_upper(words[i]) &&
                             (!is_upper(words[i - 1]) || (i + 1 < words.size() && is_lower(words[i + 1])));
    if (starts_word) result += '_';
    result += static_cast<char>(std::tolower(static_cast<unsigned char>(words[i])));
  }
  return result;
}

std::string member_name(std::string_view name) {
  static const std::set<std::string> kWords = {
      "auto",     "bool",      "case",   "class",    "const",  "default", "delete",    "do",      "else",
      "enum",     "explicit",  "export", "false",    "float",  "for",     "if",        "inline",  "int",
      "long",     "namespace", "new",    "operator", "or",     "and",     "not",       "private", "public",
      "requires", "return",    "short",  "static",   "struct", "switch",  "template",  "this",    "true",
      "union",    "using",     "void",   "while",    "decode", "encode",  "is_default"};
  std::string result = snake_case(name);
  if (kWords.contains(result)) result += '_';
  return result;
}

std::string file_stem(std::string_view message_name) { return snake_case(message_name); }

}  // namespace ottla::generator
