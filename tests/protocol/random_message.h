// SPDX-License-Identifier: Apache-2.0
// Random wire bytes of a message, made by interpreting its spec: an implementation of the protocol's rules
// that shares nothing with the generated code but the spec and the Writer.
#pragma once

#include <random>

#include "protocol/generator/spec.h"
#include "protocol/wire/writer.h"

namespace ottla::protocol {

class RandomMessage {
 public:
  RandomMessage(const generator::Message& message, int version, uint64_t seed)
      : message_(message), version_(version), random_(seed), flexible_(message.flexible.contains(version)) {}

  // Canonical bytes: decoding and encoding them must give them back.
  void write(Writer& writer) { write_fields(writer, message_.fields); }

 private:
  // All of these return whether what was written equals the default.
  bool write_fields(Writer& writer, const std::vector<generator::Field>& fields);
  bool write_field(Writer& writer, const generator::Field& field, bool tagged);
  bool write_null(Writer& writer, const generator::Field& field, bool tagged, bool flexible);
  bool write_array(Writer& writer, const generator::Field& field, bool flexible);
  bool write_value(Writer& writer, const generator::Field& field, bool flexible);
  bool write_number(Writer& writer, const generator::Field& field);
  bool write_tags(Writer& writer, const std::vector<generator::Field>& fields);
  const std::vector<generator::Field>& struct_fields(const generator::Field& field) const;

  uint64_t below(uint64_t limit) { return random_() % limit; }
  std::string text();

  const generator::Message& message_;
  int version_;
  std::mt19937_64 random_;
  bool flexible_;
};

}  // namespace ottla::protocol
