// SPDX-License-Identifier: Apache-2.0
#include "storage/log/checkpoint_file.h"

#include <charconv>
#include <sstream>

namespace ottla::storage {
namespace {

template <typename Number>
bool parse_number(const std::string& text, Number& out) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(std::move(word));
  return words;
}

Status malformed(const std::string& path, size_t line, const std::string& text) {
  return {ErrorCode::KAFKA_STORAGE_ERROR,
          "malformed line " + std::to_string(line) + " in checkpoint " + path + ": '" + text + "'"};
}

// The words of each entry, all with `width` words.
Result<std::vector<std::vector<std::string>>> read_entries(FileSystem& files, const std::string& path,
                                                           size_t width) {
  std::vector<std::vector<std::string>> entries;
  const auto text = files.read_text_if_there(path, uint64_t{1} << 30);
  if (!text.ok()) return text.status();
  if (!*text) return entries;
  std::istringstream stream(**text);
  std::string line;
  if (!std::getline(stream, line)) return entries;
  if (line != "0") return malformed(path, 1, line);
  size_t expected = 0;
  if (!std::getline(stream, line) || !parse_number(line, expected)) return malformed(path, 2, line);
  for (size_t number = 3; std::getline(stream, line); ++number) {
    if (line.empty()) continue;
    auto words = words_of(line);
    if (words.size() != width) return malformed(path, number, line);
    entries.push_back(std::move(words));
  }
  if (entries.size() == expected) return entries;
  return Status(ErrorCode::KAFKA_STORAGE_ERROR, "checkpoint " + path + " promises " +
                                                    std::to_string(expected) + " entries and has " +
                                                    std::to_string(entries.size()));
}

Status write_lines(FileSystem& files, const std::string& path, size_t count, const std::string& lines) {
  const std::string content = "0\n" + std::to_string(count) + "\n" + lines;
  return files.write_atomically(path, {reinterpret_cast<const uint8_t*>(content.data()), content.size()});
}

}  // namespace

Result<OffsetCheckpoint> read_offset_checkpoint(FileSystem& files, const std::string& path) {
  const auto entries = read_entries(files, path, 3);
  if (!entries.ok()) return entries.status();
  OffsetCheckpoint offsets;
  for (size_t i = 0; i < entries->size(); ++i) {
    const auto& words = (*entries)[i];
    int32_t partition = 0;
    int64_t offset = 0;
    if (!parse_number(words[1], partition) || !parse_number(words[2], offset)) {
      return malformed(path, i + 3, words[0] + " " + words[1] + " " + words[2]);
    }
    offsets[{words[0], partition}] = offset;
  }
  return offsets;
}

Status write_offset_checkpoint(FileSystem& files, const std::string& path, const OffsetCheckpoint& offsets) {
  std::string lines;
  for (const auto& [name, offset] : offsets) {
    lines += name.topic + " " + std::to_string(name.partition) + " " + std::to_string(offset) + "\n";
  }
  return write_lines(files, path, offsets.size(), lines);
}

Result<std::vector<EpochEntry>> read_epoch_checkpoint(FileSystem& files, const std::string& path) {
  const auto entries = read_entries(files, path, 2);
  if (!entries.ok()) return entries.status();
  std::vector<EpochEntry> epochs;
  for (size_t i = 0; i < entries->size(); ++i) {
    const auto& words = (*entries)[i];
    EpochEntry entry;
    if (!parse_number(words[0], entry.epoch) || !parse_number(words[1], entry.start_offset)) {
      return malformed(path, i + 3, words[0] + " " + words[1]);
    }
    epochs.push_back(entry);
  }
  return epochs;
}

Status write_epoch_checkpoint(FileSystem& files, const std::string& path,
                              const std::vector<EpochEntry>& entries) {
  std::string lines;
  for (const EpochEntry& entry : entries) {
    lines += std::to_string(entry.epoch) + " " + std::to_string(entry.start_offset) + "\n";
  }
  return write_lines(files, path, entries.size(), lines);
}

}  // namespace ottla::storage
