// SPDX-License-Identifier: Apache-2.0
#include "storage/dump/dump_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "storage/dump/dump.h"
#include "storage/log/file_names.h"

namespace ottla::storage {
namespace {

constexpr std::string_view kMetadataSnapshotSuffix = ".checkpoint";

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string absolute(const std::string& path) {
  std::error_code error;
  const auto made = std::filesystem::absolute(path, error);
  return error ? path : made.string();
}

}  // namespace

void add_finding(Findings& findings, const std::string& path, int64_t first, int64_t second) {
  const std::string key = absolute(path);
  auto found =
      std::find_if(findings.begin(), findings.end(), [&](const auto& one) { return one.first == key; });
  if (found == findings.end()) found = findings.insert(found, {key, {}});
  found->second.emplace_back(first, second);
}

Result<int64_t> offset_in_name(const std::string& path) {
  const std::string name = name_of(path);
  const std::string digits = name.substr(0, name.find('.'));
  int64_t offset = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), offset);
  if (parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size()) return offset;
  return Status(ErrorCode::CORRUPT_MESSAGE, fmt::format("{}: its name does not begin with an offset", path));
}

std::string sibling(const std::string& path, const char* suffix) {
  const size_t name = path.rfind('/') + 1;
  return path.substr(0, path.find('.', name)) + suffix;
}

Status Dump::dump_file(const std::string& path) {
  sinks_.out(fmt::format("Dumping {}", path));
  const std::string name = name_of(path);
  const size_t dot = name.rfind('.');
  const std::string_view suffix = dot == std::string::npos ? "" : std::string_view(name).substr(dot);
  Status status;
  if (!files_.exists(path)) return {ErrorCode::KAFKA_STORAGE_ERROR, fmt::format("{} does not exist", path)};
  if (dump_by_name(path, status)) return status;
  if (suffix == kLogSuffix || (suffix == kMetadataSnapshotSuffix && !as_2_8())) return dump_batches(path);
  if (suffix == kOffsetIndexSuffix) return dump_offset_index(path);
  if (suffix == kTimeIndexSuffix) return dump_time_index(path);
  if (suffix == kProducerSnapshotSuffix) return dump_producer_snapshot(path);
  if (suffix == kTransactionIndexSuffix) return dump_transaction_index(path);
  sinks_.err(fmt::format("Ignoring unknown file {}", path));
  return {};
}

// 2.8 tells the last finding first; 4.3 sorts mismatches downwards and gaps upwards.
void Dump::report() const {
  const auto each = [&](const Findings& findings, bool reversed, auto&& title, auto&& line) {
    for (const auto& [path, pairs] : findings) {
      title(path);
      auto ordered = pairs;
      if (reversed) std::reverse(ordered.begin(), ordered.end());
      for (const auto& [first, second] : ordered) line(first, second);
    }
  };
  const auto err = [&](const std::string& line) { sinks_.err(line); };
  each(
      index_mismatches_, true, [&](const std::string& path) { err(fmt::format("Mismatches in :{}", path)); },
      [&](int64_t index, int64_t log) {
        err(fmt::format("  Index offset: {}, log offset: {}", index, log));
      });
  each(
      time_mismatches_, false,
      [&](const std::string& path) { err(fmt::format("Found timestamp mismatch in :{}", path)); },
      [&](int64_t index, int64_t log) {
        err(fmt::format("  Index timestamp: {}, log timestamp: {}", index, log));
      });
  each(
      times_out_of_order_, false,
      [&](const std::string& path) { err(fmt::format("Found out of order timestamp in :{}", path)); },
      [&](int64_t index, int64_t before) {
        err(fmt::format("  Index timestamp: {}, Previously indexed timestamp: {}", index, before));
      });
  each(
      offsets_not_found_, false,
      [&](const std::string& path) {
        err(as_2_8() ? "The following indexed offsets are not found in the log."
                     : fmt::format("The following indexed offsets are not found in :{}", path));
      },
      [&](int64_t index, int64_t log) {
        err(fmt::format("Indexed offset: {}, found log offset: {}", index, log));
      });
  each(
      gaps_, as_2_8(),
      [&](const std::string& path) { err(fmt::format("Non-consecutive offsets in {}", path)); },
      [&](int64_t before, int64_t after) { err(fmt::format("  {} is followed by {}", before, after)); });
}

int dump_log(FileSystem& files, const DumpOptions& options, const DumpSinks& sinks) {
  Dump dump(files, options, sinks);
  for (const std::string& path : options.files) {
    const Status status = dump.dump_file(path);
    if (status.ok()) continue;
    sinks.err(status.message());
    return 1;
  }
  dump.report();
  return 0;
}

}  // namespace ottla::storage
