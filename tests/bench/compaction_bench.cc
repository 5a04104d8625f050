// SPDX-License-Identifier: Apache-2.0
// How fast a log is compacted: a topic is written below a directory, and cleaned as the broker cleans it,
// step by step on one thread, its files in the page cache. Prints megabytes of log per second for a few kinds
// of records: each byte counts once, though all of it is read twice and what stays is written. Exit status 1
// where plain records are below the bound.
//
// compaction_bench [DIRECTORY [MEGABYTES]]   by default below /tmp, 512
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <string>

#include "protocol/records/batch_builder.h"
#include "storage/io/file_system.h"
#include "storage/log/log.h"
#include "storage/log/log_cleaning.h"

namespace ottla::storage {
namespace {

constexpr double kBoundMbPerSecond = 200;
constexpr size_t kBatchBytes = 64 << 10;
constexpr uint64_t kStepBytes = 4 << 20;

struct Kind {
  const char* text;
  size_t value_bytes;
  double keys_per_record;  // below one: keys come again
  records::Compression codec;
};

constexpr Kind kKinds[] = {
    {"1 KiB, each key four times", 1000, 0.25, records::Compression::kNone},
    {"1 KiB, every key once", 1000, 1, records::Compression::kNone},
    {"200 bytes, each key four times", 180, 0.25, records::Compression::kNone},
    {"1 KiB, lz4, each key four times", 1000, 0.25, records::Compression::kLz4},
};

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

void must(const Status& status) {
  if (status.ok()) return;
  fmt::print(stderr, "{}\n", status.message());
  std::exit(2);
}

std::unique_ptr<Log> write_log(FileSystem& files, const std::string& directory, const Kind& kind,
                               uint64_t bytes) {
  must(files.remove_all(directory));
  must(files.make_directories(directory));
  Log::OpenOptions options;
  options.directory = directory;
  options.config.cleanup_compact = true;
  options.config.cleanup_delete = false;
  options.config.segment_bytes = 128 << 20;
  auto opened = Log::open(files, options);
  must(opened.status());
  std::mt19937_64 random(1);
  const auto records = bytes / (kind.value_bytes + 20);
  const auto keys = static_cast<uint64_t>(static_cast<double>(records) * kind.keys_per_record);
  std::string value(kind.value_bytes, '\0');
  records::BatchBuilder builder;
  uint64_t written = 0;
  for (uint64_t record = 0; record < records;) {
    records::BatchOptions batch;
    batch.compression = kind.codec;
    builder.begin(batch);
    for (size_t size = 0; size < kBatchBytes && record < records; ++record) {
      const uint64_t number = kind.keys_per_record < 1 ? random() % keys : record;
      // Half of it compresses.
      for (size_t i = 0; i + 8 <= value.size(); i += 16) *reinterpret_cast<uint64_t*>(&value[i]) = random();
      builder.append(1, bytes_of(fmt::format("key-{:012}", number)), bytes_of(value));
      size += value.size() + 20;
    }
    auto batch_bytes = builder.finish();
    must(batch_bytes.status());
    const AppendInfo info = (*opened)->append_as_leader(*batch_bytes, 0, AppendOrigin::kCoordinator, 9, 1);
    must({info.error, info.message});
    written += batch_bytes->size();
  }
  // Into another segment, so that all of them may be cleaned.
  LogConfig rolled = options.config;
  rolled.segment_ms = INT64_MIN / 2;
  (*opened)->update_config(rolled);
  builder.begin({});
  builder.append(1, bytes_of("end"), bytes_of("end"));
  must(Status((*opened)->append_as_leader(*builder.finish(), 0, AppendOrigin::kCoordinator, 9, 1).error,
              "end"));
  (*opened)->update_config(options.config);
  return std::move(*opened);
}

double clean(FileSystem& files, Log& log) {
  const LogCleaning::Limits limits;
  const auto began = std::chrono::steady_clock::now();
  LogCleaning cleaning(files, log.cleaning_source(log.cleaning_plan(1)), limits, 1);
  while (true) {
    const auto state = cleaning.step(kStepBytes);
    must(state.status());
    if (*state == LogCleaning::State::kDone) break;
    if (*state != LogCleaning::State::kReady) continue;
    const auto replaced = log.replace_segments(cleaning.source(), cleaning.replaced(), cleaning.cleaned());
    must(replaced.status());
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const double megabytes = static_cast<double>(cleaning.stats().bytes_read) / 1e6;
  fmt::print("  {:6.0f} MB/s of log: {:.0f} MB and {} records in {:.2f} s, {:.0f} MB and {} records left\n",
             megabytes / took.count(), megabytes, cleaning.stats().records_read, took.count(),
             static_cast<double>(cleaning.stats().bytes_written) / 1e6, cleaning.stats().records_kept);
  return megabytes / took.count();
}

int run(const std::string& parent, uint64_t megabytes) {
  const auto files = posix_file_system();
  const std::string directory = parent + "/ottla-compaction-0";
  bool holds = true;
  for (const Kind& kind : kKinds) {
    fmt::print("{}\n", kind.text);
    const auto log = write_log(*files, directory, kind, megabytes << 20);
    const double rate = clean(*files, *log);
    holds = holds && (kind.codec != records::Compression::kNone || rate >= kBoundMbPerSecond);
  }
  must(files->remove_all(directory));
  if (!holds) fmt::print("below the bound of {} MB/s\n", kBoundMbPerSecond);
  return holds ? 0 : 1;
}

}  // namespace
}  // namespace ottla::storage

int main(int count, char** arguments) {
  const std::string parent = count > 1 ? arguments[1] : "/tmp";
  return ottla::storage::run(parent, count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 512);
}
