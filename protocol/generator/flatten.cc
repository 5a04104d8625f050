// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "protocol/generator/emitter.h"

namespace ottla::generator {

namespace {

const std::vector<Field>& struct_fields(const Message& message, const Field& field) {
  if (!field.fields.empty()) return field.fields;
  const auto found = std::find_if(message.structs.begin(), message.structs.end(),
                                  [&](const Struct& entry) { return entry.name == field.type; });
  return found->fields;
}

class Flattener {
 public:
  explicit Flattener(const Message& message) : message_(message) {}

  std::vector<FlatStruct> run() {
    visit(message_.fields, message_.versions);
    result_.push_back({message_.name, &message_.fields, message_.versions, false});
    for (FlatStruct& entry : result_) mark_tagged(*entry.fields);
    for (FlatStruct& entry : result_) entry.needs_is_default = needs_is_default_.contains(entry.name);
    return std::move(result_);
  }

 private:
  void visit(const std::vector<Field>& fields, const VersionRange& parent) {
    for (const Field& field : fields) {
      if (is_primitive(field.type)) continue;
      if (!seen_.insert(field.type).second) continue;
      VersionRange possible = field.versions.intersect(parent);
      for (const Struct& entry : message_.structs) {
        if (entry.name == field.type) possible = entry.versions.intersect(message_.versions);
      }
      const std::vector<Field>& children = struct_fields(message_, field);
      visit(children, possible);
      result_.push_back({field.type, &children, possible, false});
    }
  }

  void mark_tagged(const std::vector<Field>& fields) {
    for (const Field& field : fields) {
      if (!field.tag || field.is_array || is_primitive(field.type)) continue;
      mark(field);
    }
  }

  void mark(const Field& field) {
    needs_is_default_.insert(field.type);
    for (const Field& child : struct_fields(message_, field)) {
      if (!child.is_array && !is_primitive(child.type)) mark(child);
    }
  }

  const Message& message_;
  std::vector<FlatStruct> result_;
  std::set<std::string> seen_;
  std::set<std::string> needs_is_default_;
};

size_t min_field_size(const Message& message, const Field& field, int version) {
  const bool flexible = message.flexible.contains(version) && !field.never_flexible;
  if (field.is_array) return flexible ? 1 : 4;
  static const std::map<std::string, size_t> kFixed = {{"bool", 1},   {"int8", 1},    {"int16", 2},
                                                       {"uint16", 2}, {"int32", 4},   {"uint32", 4},
                                                       {"int64", 8},  {"float64", 8}, {"uuid", 16}};
  if (const auto found = kFixed.find(field.type); found != kFixed.end()) return found->second;
  if (field.type == "string") return flexible ? 1 : 2;
  if (is_primitive(field.type)) return flexible ? 1 : 4;
  if (field.nullable.contains(version)) return 1;
  return min_wire_size(message, struct_fields(message, field), version);
}

}  // namespace

std::vector<FlatStruct> flatten(const Message& message) { return Flattener(message).run(); }

size_t min_wire_size(const Message& message, const std::vector<Field>& fields, int version) {
  size_t size = message.flexible.contains(version) ? 1 : 0;
  for (const Field& field : fields) {
    if (!field.versions.contains(version) || field.tagged.contains(version)) continue;
    size += min_field_size(message, field, version);
  }
  return size;
}

}  // namespace ottla::generator
