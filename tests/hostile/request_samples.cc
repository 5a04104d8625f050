// SPDX-License-Identifier: Apache-2.0
// request_samples SEEDS: writes one frame, with its length in front, of every request at every version for
// each seed below SEEDS to the standard output: whole headers, random bodies of the right form.
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "protocol/generated/api_keys.h"
#include "tests/protocol/random_message.h"

namespace ottla {
namespace {

void write_sample(const generator::Message& message, int16_t version, uint64_t seed) {
  const auto key = static_cast<int16_t>(*message.key);
  const int16_t header = protocol::request_header_version(static_cast<protocol::ApiKey>(key), version);
  Writer writer;
  const size_t frame = writer.begin_frame();
  writer.int16(key);
  writer.int16(version);
  writer.int32(static_cast<int32_t>(seed));
  if (header >= 1) writer.nullable_string("sample");
  if (header >= 2) writer.unsigned_varint(0);
  protocol::RandomMessage(message, version, seed).write(writer);
  writer.end_frame(frame);
  const Bytes bytes = writer.buffer();
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
}

}  // namespace
}  // namespace ottla

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: request_samples SEEDS\n";
    return 1;
  }
  std::vector<std::string> errors;
  const auto messages = ottla::generator::load_messages(OTTLA_MESSAGE_SPECS, errors);
  const auto seeds = static_cast<uint64_t>(std::atoll(argv[1]));
  for (const auto& message : messages) {
    if (message.kind != "request") continue;
    for (int version = message.versions.lowest; version <= message.versions.highest; ++version) {
      for (uint64_t seed = 0; seed < seeds; ++seed)
        ottla::write_sample(message, static_cast<int16_t>(version), seed);
    }
  }
}
