// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/snapshot.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>

#include "coordination/server/adler32.h"
#include "coordination/server/txn_log.h"
#include "protocol/base/log.h"

namespace ottla::coordination {
namespace {

// zlib counts what it is given in an unsigned int.
constexpr size_t kGivenMax = size_t{1} << 30;

bool decompress_gzip(Bytes bytes, std::vector<uint8_t>* out) {
  z_stream stream{};
  OTTLA_CHECK(inflateInit2(&stream, 15 + 16) == Z_OK);
  std::array<uint8_t, 65536> chunk;
  int result = Z_OK;
  size_t given = 0;
  while (result == Z_OK) {
    if (stream.avail_in == 0) {
      if (given == bytes.size()) break;
      stream.next_in = const_cast<uint8_t*>(bytes.data() + given);
      stream.avail_in = static_cast<uInt>(std::min<size_t>(bytes.size() - given, kGivenMax));
      given += stream.avail_in;
    }
    stream.next_out = chunk.data();
    stream.avail_out = static_cast<uInt>(chunk.size());
    result = inflate(&stream, Z_NO_FLUSH);
    out->insert(out->end(), chunk.begin(), chunk.end() - static_cast<std::ptrdiff_t>(stream.avail_out));
  }
  inflateEnd(&stream);
  return result == Z_STREAM_END;
}

}  // namespace

std::vector<uint8_t> encode_snapshot(const DataTree& tree) {
  Writer writer;
  jute::FileHeader{jute::kSnapshotMagic, 2, -1}.encode(writer);
  tree.encode(writer);
  writer.int64(adler32(writer.buffer()));
  writer.jute_string("/");
  const Bytes bytes = writer.buffer();
  return {bytes.begin(), bytes.end()};
}

std::vector<uint8_t> compress_gzip(Bytes bytes) {
  z_stream stream{};
  // 16: a gzip header around it.
  OTTLA_CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) ==
              Z_OK);
  std::vector<uint8_t> out;
  std::array<uint8_t, 65536> chunk;
  int result = Z_OK;
  for (size_t given = 0; result != Z_STREAM_END;) {
    if (stream.avail_in == 0 && given < bytes.size()) {
      stream.next_in = const_cast<uint8_t*>(bytes.data() + given);
      stream.avail_in = static_cast<uInt>(std::min<size_t>(bytes.size() - given, kGivenMax));
      given += stream.avail_in;
    }
    stream.next_out = chunk.data();
    stream.avail_out = static_cast<uInt>(chunk.size());
    result = deflate(&stream, given == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    out.insert(out.end(), chunk.begin(), chunk.end() - static_cast<std::ptrdiff_t>(stream.avail_out));
  }
  deflateEnd(&stream);
  return out;
}

Status decode_snapshot(Bytes bytes, const std::string& path, DataTree& tree) {
  const auto bad = [&](const char* what) {
    return Status(ErrorCode::KAFKA_STORAGE_ERROR, fmt::format("{}: {}", path, what));
  };
  if (path.ends_with(".snappy"))
    return bad(
        "is compressed by snappy, which is not read here: let ZooKeeper write one without compression, or "
        "with snapshot.compression.method=gz");
  std::vector<uint8_t> plain;
  if (path.ends_with(".gz")) {
    if (!decompress_gzip(bytes, &plain)) return bad("is no whole gzip file");
    bytes = plain;
  }
  Reader reader(bytes);
  if (jute::FileHeader::decode(reader).magic != jute::kSnapshotMagic)
    return bad("is no snapshot: it does not begin with ZKSN");
  if (!tree.decode(reader)) return bad(reader.ok() ? "holds a node without a parent" : "is cut short");
  const uint32_t expected = adler32(bytes.first(reader.position()));
  const int64_t checksum = reader.int64();
  const std::string end = jute::read_string(reader);
  if (!reader.ok() || end != "/") return bad("is cut short");
  if (checksum != static_cast<int64_t>(expected)) return bad("its checksum is wrong");
  return {};
}

Result<std::vector<int64_t>> list_zxids(storage::FileSystem& files, const std::string& directory,
                                        const std::string& prefix) {
  auto entries = files.list(directory);
  if (!entries.ok()) return entries.status();
  std::vector<int64_t> zxids;
  for (const auto& entry : *entries) {
    if (const auto zxid = zxid_of_name(entry.name, prefix)) zxids.push_back(*zxid);
  }
  std::sort(zxids.begin(), zxids.end());
  return zxids;
}

Result<std::vector<SnapshotFile>> list_snapshots(storage::FileSystem& files, const std::string& directory) {
  auto entries = files.list(directory);
  if (!entries.ok()) return entries.status();
  std::vector<SnapshotFile> found;
  for (const auto& entry : *entries) {
    std::string_view plain = entry.name;
    for (const std::string_view suffix : {".gz", ".snappy"}) {
      if (plain.ends_with(suffix)) plain.remove_suffix(suffix.size());
    }
    if (const auto zxid = zxid_of_name(plain, "snapshot")) found.push_back({*zxid, entry.name});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.zxid < b.zxid; });
  return found;
}

Status purge_old_files(storage::FileSystem& files, const std::string& snapshots, const std::string& logs,
                       int retain) {
  const auto all = list_snapshots(files, snapshots);
  if (!all.ok()) return all.status();
  const auto log_zxids = list_zxids(files, logs, "log");
  if (!log_zxids.ok()) return log_zxids.status();
  if (all->size() <= static_cast<size_t>(retain)) return {};
  const int64_t oldest_kept = (*all)[all->size() - static_cast<size_t>(retain)].zxid;
  // The log that begins at or before the oldest kept snapshot holds what follows it.
  const auto after = std::upper_bound(log_zxids->begin(), log_zxids->end(), oldest_kept);
  const int64_t first_log_kept = after == log_zxids->begin() ? INT64_MIN : *std::prev(after);
  for (const int64_t zxid : *log_zxids) {
    if (zxid >= first_log_kept) break;
    const Status removed = files.remove_file(logs + "/" + name_of_zxid("log", zxid));
    if (!removed.ok()) return removed;
  }
  for (const auto& [zxid, name] : *all) {
    if (zxid >= oldest_kept) break;
    const Status removed = files.remove_file(snapshots + "/" + name);
    if (!removed.ok()) return removed;
  }
  log_info("coordination.store", "Purged what is older than {}/{}", snapshots,
           name_of_zxid("snapshot", oldest_kept));
  return {};
}

}  // namespace ottla::coordination
