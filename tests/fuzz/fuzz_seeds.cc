// SPDX-License-Identifier: Apache-2.0
// fuzz_seeds FOLDER: writes the corpora that the fuzz targets start from. Messages are those random ones that
// the golden comparison has Kafka's own code read (compat/golden), every message at every version.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "coordination/jute/records.h"
#include "protocol/generated/api_keys.h"
#include "protocol/records/batch_builder.h"
#include "protocol/records/legacy_records.h"
#include "tests/fuzz/fuzz.h"
#include "tests/protocol/random_message.h"

namespace ottla {
namespace {

using protocol::fuzz::all_messages;

// One file per seed, numbered.
class Corpus {
 public:
  explicit Corpus(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void add(Bytes bytes) {
    std::ofstream out(folder_ / std::to_string(++count_), std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    OTTLA_CHECK(out.good());
  }
  int count() const { return count_; }

 private:
  std::filesystem::path folder_;
  int count_ = 0;
};

int write_messages(const std::filesystem::path& folder) {
  std::vector<std::string> errors;
  const auto specs = generator::load_messages(OTTLA_MESSAGE_SPECS, errors);
  OTTLA_CHECK(errors.empty());
  Corpus messages(folder / "messages");
  Corpus requests(folder / "requests");
  for (size_t index = 0; index < all_messages().size(); ++index) {
    const auto& entry = *all_messages()[index];
    const auto spec = std::ranges::find(specs, entry.name, &generator::Message::name);
    OTTLA_CHECK(spec != specs.end());
    for (int16_t version = entry.lowest_version; version <= entry.highest_version; ++version) {
      Writer seed;
      seed.int16(static_cast<int16_t>(index));
      seed.int8(static_cast<int8_t>(version - entry.lowest_version));
      protocol::RandomMessage(*spec, version, static_cast<uint64_t>(version) + 1).write(seed);
      messages.add(seed.buffer());
      if (spec->kind != "request") continue;
      Writer frame;
      const auto key = static_cast<protocol::ApiKey>(*spec->key);
      frame.int16(static_cast<int16_t>(*spec->key));
      frame.int16(version);
      frame.int32(1);
      const int16_t header_version = protocol::request_header_version(key, version);
      if (header_version >= 1) frame.int16(-1);
      if (header_version >= 2) frame.unsigned_varint(0);
      protocol::RandomMessage(*spec, version, static_cast<uint64_t>(version) + 2).write(frame);
      requests.add(frame.buffer());
    }
  }
  return messages.count() + requests.count();
}

std::vector<uint8_t> text(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> out;
  while (out.size() < size) out.push_back(static_cast<uint8_t>('a' + random() % (seed % 7 + 1)));
  return out;
}

int write_records(const std::filesystem::path& folder) {
  Corpus corpus(folder / "records");
  records::BatchBuilder builder;
  const std::vector<uint8_t> key = text(5, 1);
  const std::vector<uint8_t> value = text(60, 3);
  for (int codec = 0; codec <= 4; ++codec) {
    for (const bool idempotent : {false, true}) {
      records::BatchOptions options;
      options.compression = static_cast<records::Compression>(codec);
      if (idempotent) {
        options.producer_id = 7;
        options.producer_epoch = 0;
        options.base_sequence = 0;
      }
      builder.begin(options);
      const records::RecordHeader header{"name", Bytes(value)};
      for (int i = 0; i < 3; ++i)
        builder.append(1'700'000'000'000 + i, Bytes(key), i == 1 ? std::nullopt : std::optional<Bytes>(value),
                       {&header, 1});
      const auto batch = builder.finish();
      OTTLA_CHECK(batch.ok());
      for (const uint8_t choice : {0, 8, 16, 63}) {
        Writer seed;
        seed.int8(static_cast<int8_t>(choice));
        seed.raw(*batch);
        corpus.add(seed.buffer());
      }
      for (const int8_t magic : {0, 1}) {
        Writer seed;
        seed.int8(1);
        if (records::down_convert(*batch, magic, 0, seed).ok()) corpus.add(seed.buffer());
        if (codec == 4) continue;
        Writer inner;
        for (int i = 0; i < 2; ++i)
          records::write_legacy_message(inner, magic, i, 1'700'000'000'000, 0, Bytes(key), Bytes(value));
        std::vector<uint8_t> packed;
        OTTLA_CHECK(
            records::compress(options.compression, inner.buffer(), packed,
                              magic == 0 ? records::Lz4Header::kMagic0 : records::Lz4Header::kStandard)
                .ok());
        Writer wrapped;
        wrapped.int8(0);
        records::write_legacy_message(wrapped, magic, 1, 1'700'000'000'000, static_cast<int8_t>(codec),
                                      std::nullopt, Bytes(packed));
        corpus.add(wrapped.buffer());
      }
    }
  }
  return corpus.count();
}

int write_compressed(const std::filesystem::path& folder) {
  int count = 0;
  for (int codec = 1; codec <= 4; ++codec) {
    const auto compression = static_cast<records::Compression>(codec);
    Corpus corpus(folder / records::compression_name(compression));
    for (uint32_t i = 0; i < 12; ++i) {
      std::vector<uint8_t> packed;
      OTTLA_CHECK(records::compress(compression, text(size_t{1} << i, i + 1), packed,
                                    i % 2 == 0 ? records::Lz4Header::kStandard : records::Lz4Header::kMagic0)
                      .ok());
      corpus.add(packed);
    }
    count += corpus.count();
  }
  return count;
}

template <typename Body>
void add_frame(Writer& out, int32_t type, const Body& body) {
  const size_t mark = out.begin_frame();
  coordination::jute::RequestHeader{1, type}.encode(out);
  body.encode(out);
  out.end_frame(mark);
}

int write_coordination(const std::filesystem::path& folder) {
  using namespace coordination;
  Corpus corpus(folder / "coordination");
  for (const bool greeted : {true, false}) {
    for (int kind = 0; kind < 7; ++kind) {
      Writer seed;
      seed.int8(static_cast<int8_t>(greeted));
      if (!greeted) {
        const size_t mark = seed.begin_frame();
        jute::ConnectRequest{0, 0, 6000, 0, std::string(16, '\0'), false}.encode(seed);
        seed.end_frame(mark);
      }
      add_frame(seed, jute::kCreate, jute::CreateRequest{"/a", "x", open_acl(), kind % 4, -1});
      if (kind == 0) add_frame(seed, jute::kGetData, jute::PathWatchRequest{"/a", true});
      if (kind == 1) add_frame(seed, jute::kSetData, jute::SetDataRequest{"/a", "y", 0});
      if (kind == 2) add_frame(seed, jute::kDelete, jute::PathVersionRequest{"/a", -1});
      if (kind == 3) add_frame(seed, jute::kGetChildren2, jute::PathWatchRequest{"/", true});
      if (kind == 4) add_frame(seed, jute::kSetAcl, jute::SetAclRequest{"/a", open_acl(), 0});
      if (kind == 5) {
        const size_t mark = seed.begin_frame();
        jute::RequestHeader{1, jute::kMulti}.encode(seed);
        jute::MultiHeader{jute::kCreate, false, -1}.encode(seed);
        jute::CreateRequest{"/b", "x", open_acl(), 0, -1}.encode(seed);
        jute::MultiHeader{-1, true, -1}.encode(seed);
        seed.end_frame(mark);
      }
      corpus.add(seed.buffer());
    }
  }
  Writer word;
  word.int8(0);
  word.raw({reinterpret_cast<const uint8_t*>("mntr"), 4});
  corpus.add(word.buffer());
  return corpus.count();
}

}  // namespace
}  // namespace ottla

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const int count = ottla::write_messages(folder) + ottla::write_records(folder) +
                    ottla::write_compressed(folder) + ottla::write_coordination(folder);
  std::printf("%d seeds\n", count);
  return 0;
}
