// SPDX-License-Identifier: Apache-2.0
#include "storage/log/log_directory.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <ctime>
#include <sstream>

#include "protocol/base/log.h"
#include "storage/log/file_names.h"

namespace ottla::storage {
namespace {

constexpr const char* kComponent = "storage";
constexpr const char* kRaftTopic = "__cluster_metadata";

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\f");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r\f") - first + 1);
}

// Java's Properties.store puts a backslash before ':', '=', '#' and '!'.
std::string unescaped(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == ':' || c == '=' || c == '#' || c == '!' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string MetaProperties::to_string() const {
  std::string text = "{";
  if (broker_id >= 0) text += "broker.id=" + std::to_string(broker_id) + ", ";
  if (!cluster_id.empty()) text += "cluster.id=" + cluster_id + ", ";
  for (const auto& [key, value] : others) text += key + "=" + value + ", ";
  if (text.size() > 2) text.resize(text.size() - 2);
  return text + "}";
}

Result<std::optional<MetaProperties>> read_meta_properties(FileSystem& files, const std::string& directory) {
  const std::string path = directory + "/" + kMetaProperties;
  if (!files.exists(path)) return std::optional<MetaProperties>();
  const auto text = files.read_text(path);
  if (!text.ok()) return text.status();
  MetaProperties meta;
  std::istringstream stream(*text);
  for (std::string line; std::getline(stream, line);) {
    line = trimmed(line);
    if (line.empty() || line[0] == '#' || line[0] == '!') continue;
    const size_t equals = line.find('=');
    const std::string key = trimmed(line.substr(0, equals));
    const std::string value = equals == std::string::npos ? "" : unescaped(trimmed(line.substr(equals + 1)));
    if (key == "broker.id" || key == "node.id") {
      int32_t id = 0;
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), id);
      if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size()) {
        return Status(ErrorCode::KAFKA_STORAGE_ERROR, path + ": " + key + " is no number: '" + value + "'");
      }
      meta.broker_id = id;
    } else if (key == "cluster.id") {
      meta.cluster_id = value;
    } else if (key == "version") {
      meta.version = value == "1" ? 1 : 0;
    } else {
      meta.others[key] = value;
    }
  }
  return std::optional(meta);
}

Status write_meta_properties(FileSystem& files, const std::string& directory, const MetaProperties& meta,
                             int64_t now_ms) {
  const time_t seconds = now_ms / 1000;
  tm utc{};
  gmtime_r(&seconds, &utc);
  char date[64];
  strftime(date, sizeof(date), "%a %b %d %H:%M:%S UTC %Y", &utc);
  std::string text = fmt::format("#\n#{}\n", date);
  if (!meta.cluster_id.empty()) text += "cluster.id=" + escaped(meta.cluster_id) + "\n";
  if (meta.broker_id >= 0) text += "broker.id=" + std::to_string(meta.broker_id) + "\n";
  for (const auto& [key, value] : meta.others) text += key + "=" + escaped(value) + "\n";
  text += "version=0\n";
  return files.write_atomically(directory + "/" + kMetaProperties, bytes_of(text));
}

Status LogDirectory::lock() {
  Status status = files_.make_directories(path_);
  if (!status.ok()) return status;
  auto locked = files_.lock(at(kLockFile));
  if (!locked.ok()) return locked.status();
  lock_ = std::move(*locked);
  // A directory that can be locked may still be read-only: better to know now.
  const auto probe = files_.open(at(".ottla-write-check"), true);
  return probe.ok() ? files_.remove_file(at(".ottla-write-check")) : probe.status();
}

Status LogDirectory::read_meta() {
  auto read = read_meta_properties(files_, path_);
  if (!read.ok()) return read.status();
  meta_ = std::move(*read);
  return {};
}

Status LogDirectory::write_meta(const MetaProperties& meta, int64_t now_ms) {
  if (meta_ == meta && !kraft_left_) return {};
  const Status written = write_meta_properties(files_, path_, meta, now_ms);
  if (!written.ok()) return written;
  meta_ = meta;
  meta_->version = 0;
  kraft_left_ = false;
  return {};
}

Status LogDirectory::leave_kraft() {
  if (!meta_ || meta_->version == 0) return {};
  const auto text = files_.read_text(at(kMetaProperties));
  if (!text.ok()) return text.status();
  const Status kept = files_.write_atomically(at(kMetaProperties) + ".kraft", bytes_of(*text));
  if (kept.ok()) kraft_left_ = true;
  return kept;
}

Result<LogDirectory::Contents> LogDirectory::take_over() {
  Contents contents;
  const auto entries = files_.list(path_);
  if (!entries.ok()) return entries.status();
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.is_directory) continue;
    if (is_delete_directory(entry.name)) {
      contents.to_delete.push_back(path_ + "/" + entry.name);
    } else if (auto name = parse_partition_directory(entry.name); name && name->topic != kRaftTopic) {
      contents.partitions.push_back(std::move(*name));
    } else if (is_future_directory(entry.name)) {
      log_warn(kComponent, "{}/{} is a move between directories that Kafka did not finish: left alone", path_,
               entry.name);
    } else {
      log_warn(kComponent, "{}/{} is no partition's directory: left alone", path_, entry.name);
    }
  }
  contents.clean = files_.exists(at(kCleanShutdownMarker));
  if (contents.clean) {
    Status status = files_.remove_file(at(kCleanShutdownMarker));
    if (status.ok()) status = files_.sync_directory(path_);
    if (!status.ok()) return status;
  }
  contents.recovery_points = read_or_none(kRecoveryPointCheckpoint);
  contents.log_starts = read_or_none(kLogStartOffsetCheckpoint);
  contents.cleaned = read_or_none(kCleanerCheckpoint);
  contents.high_watermarks = read_or_none(kHighWatermarkCheckpoint);
  return contents;
}

OffsetCheckpoint LogDirectory::read_or_none(const char* name) {
  auto read = read_offset_checkpoint(files_, at(name));
  if (!read.ok()) {
    log_warn(kComponent, "{}; going on without it", read.status().message());
    return {};
  }
  if (files_.exists(at(name))) written_[name] = *read;
  return std::move(*read);
}

Status LogDirectory::mark_clean() {
  const auto marker = files_.open(at(kCleanShutdownMarker), true);
  if (!marker.ok()) return marker.status();
  const Status synced = (*marker)->sync();
  return synced.ok() ? files_.sync_directory(path_) : synced;
}

// The file is there from the first cleaning on, as Kafka has it.
Status LogDirectory::write_cleaner_offsets(const OffsetCheckpoint& offsets) {
  if (offsets.empty() && !written_.contains(kCleanerCheckpoint)) return {};
  return write(kCleanerCheckpoint, offsets);
}

Status LogDirectory::write(const char* name, const OffsetCheckpoint& offsets) {
  const auto known = written_.find(name);
  if (known != written_.end() && known->second == offsets) return {};
  const Status written = write_offset_checkpoint(files_, at(name), offsets);
  if (written.ok()) written_[name] = offsets;
  return written;
}

}  // namespace ottla::storage
