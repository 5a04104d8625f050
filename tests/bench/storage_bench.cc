// SPDX-License-Identifier: Apache-2.0
// What a log costs without a network, on the machine's own files: append beside a plain write() loop, lookups
// in a large segment, compaction. Files are made below DIRECTORY and removed. scripts/bench-storage runs all
// of it. Exit status 1 where a figure misses its bound.
//
// storage_bench append|lookup|compaction [DIRECTORY [MEGABYTES]]   by default below /var/tmp, 1024
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "protocol/records/batch_builder.h"
#include "storage/io/file_system.h"
#include "storage/log/log.h"
#include "storage/log/log_cleaning.h"

namespace ottla::storage {
namespace {

constexpr double kCompactionMbPerSecond = 200;
constexpr double kAppendMbPerSecond = 3000;
constexpr double kLookupMicros = 20;
constexpr size_t kBatchBytes = 64 << 10;
constexpr size_t kAppendBytes = 16 << 10;
constexpr int kRounds = 5;
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

double seconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

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
  const double took = seconds_since(began);
  const double megabytes = static_cast<double>(cleaning.stats().bytes_read) / 1e6;
  fmt::print("  {:6.0f} MB/s of log: {:.0f} MB and {} records in {:.2f} s, {:.0f} MB and {} records left\n",
             megabytes / took, megabytes, cleaning.stats().records_read, took,
             static_cast<double>(cleaning.stats().bytes_written) / 1e6, cleaning.stats().records_kept);
  return megabytes / took;
}

int compaction(FileSystem& files, const std::string& directory, uint64_t megabytes) {
  bool holds = true;
  for (const Kind& kind : kKinds) {
    fmt::print("compaction, {}\n", kind.text);
    const auto log = write_log(files, directory, kind, megabytes << 20);
    const double rate = clean(files, *log);
    holds = holds && (kind.codec != records::Compression::kNone || rate >= kCompactionMbPerSecond);
  }
  return holds ? 0 : 1;
}

// A batch of `bytes` in all, of records of `value_bytes` each.
std::vector<uint8_t> batch_of(size_t bytes, size_t value_bytes) {
  const std::string value(value_bytes, 'v');
  records::BatchBuilder builder;
  builder.begin({});
  do {
    builder.append(1, std::nullopt, bytes_of(value));
  } while (builder.size_in_bytes() + value_bytes + 20 < bytes);
  const auto built = builder.finish();
  must(built.status());
  return {built->begin(), built->end()};
}

// A file that says it is empty, and whose pages are in memory all the same: what is written finds them there.
class WarmFile : public File {
 public:
  explicit WarmFile(std::shared_ptr<File> file) : file_(std::move(file)) {}
  const std::string& path() const override { return file_->path(); }
  int descriptor() const override { return file_->descriptor(); }
  ssize_t read_at(std::span<uint8_t> out, uint64_t position) const override {
    return file_->read_at(out, position);
  }
  Status write_at(Bytes bytes, uint64_t position) override { return file_->write_at(bytes, position); }
  Result<uint64_t> size() const override { return uint64_t{0}; }
  Status truncate(uint64_t size) override { return file_->truncate(size); }
  Status sync() override { return file_->sync(); }
  Status reserve(uint64_t size) override { return file_->reserve(size); }

 private:
  std::shared_ptr<File> file_;
};

// The machine's files; logs are warm where they were written before.
class WarmFiles : public FileSystem {
 public:
  Result<std::shared_ptr<File>> open(const std::string& path, bool create) override {
    auto opened = files_->open(path, create);
    if (!opened.ok() || !path.ends_with(".log")) return opened;
    return std::shared_ptr<File>(std::make_shared<WarmFile>(std::move(*opened)));
  }
  bool exists(const std::string& path) override { return files_->exists(path); }
  Status make_directories(const std::string& path) override { return files_->make_directories(path); }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override { return files_->list(path); }
  Status rename(const std::string& from, const std::string& to) override { return files_->rename(from, to); }
  Status remove_file(const std::string& path) override { return files_->remove_file(path); }
  Status remove_all(const std::string& path) override { return files_->remove_all(path); }
  Status sync_directory(const std::string& path) override { return files_->sync_directory(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return files_->lock(path); }
  Result<int64_t> modified_ms(const std::string& path) override { return files_->modified_ms(path); }
  Result<DiskSpace> space(const std::string& path) override { return files_->space(path); }

 private:
  std::unique_ptr<FileSystem> files_ = posix_file_system();
};

std::unique_ptr<Log> open_log(FileSystem& files, const std::string& directory) {
  Log::OpenOptions options;
  options.directory = directory;
  auto opened = Log::open(files, options);
  must(opened.status());
  return std::move(*opened);
}

std::unique_ptr<Log> empty_log(FileSystem& files, const std::string& directory) {
  must(files.remove_all(directory));
  must(files.make_directories(directory));
  return open_log(files, directory);
}

// Megabytes per second of a loop that only writes.
double plain_writes(const std::string& path, Bytes batch, uint64_t bytes, bool warm) {
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | (warm ? 0 : O_TRUNC), 0644);
  const auto began = std::chrono::steady_clock::now();
  for (uint64_t at = 0; at + batch.size() <= bytes; at += batch.size()) {
    if (::write(file, batch.data(), batch.size()) != static_cast<ssize_t>(batch.size()))
      must(Status::from_errno(errno, "write " + path));
  }
  const double took = seconds_since(began);
  ::close(file);
  return static_cast<double>(bytes) / 1e6 / took;
}

double appends(const std::string& directory, std::vector<uint8_t>& batch, uint64_t bytes, bool warm) {
  WarmFiles files;
  const auto log = warm ? open_log(files, directory) : empty_log(files, directory);
  const auto began = std::chrono::steady_clock::now();
  for (uint64_t at = 0; at + batch.size() <= bytes; at += batch.size()) {
    // As a client sends it: the base offset is 0.
    std::fill_n(batch.begin(), sizeof(int64_t), uint8_t{0});
    const AppendInfo info = log->append_as_leader(batch, 0, AppendOrigin::kClient, 9, 1);
    if (info.error != ErrorCode::NONE) must({info.error, info.message});
  }
  return static_cast<double>(bytes) / 1e6 / seconds_since(began);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Turn by turn, so that both see the same machine; the first turn only warms the memory. Warm: into pages
// that the page cache has. Else the file grows, and each page is found and cleared first, which is the
// kernel's work.
int append(const std::string& directory, uint64_t megabytes) {
  int missed = 0;
  const uint64_t bytes = megabytes << 20;
  const std::string beside = directory + ".plain";
  for (const bool warm : {true, false}) {
    for (const size_t value_bytes : {size_t{16000}, size_t{1000}, size_t{100}}) {
      std::vector<uint8_t> batch = batch_of(kAppendBytes, value_bytes);
      plain_writes(beside, batch, bytes, false);
      appends(directory, batch, bytes, false);
      std::vector<double> plain;
      std::vector<double> ours;
      for (int round = 0; round < kRounds; ++round) {
        plain.push_back(plain_writes(beside, batch, bytes, warm));
        ours.push_back(appends(directory, batch, bytes, warm));
      }
      fmt::print(
          "append, {} pages, batches of {} bytes, records of {:5}: {:.0f} MB/s (median of {}); plain write() "
          "{:.0f}; "
          "{:.2f} of it\n",
          warm ? "warm" : "new", batch.size(), value_bytes, median(ours), kRounds, median(plain),
          median(ours) / median(plain));
      if (warm && value_bytes >= 1000 && median(ours) < kAppendMbPerSecond) missed = 1;
    }
  }
  ::unlink(beside.c_str());
  return missed;
}

// Microseconds each, of `count` calls with a random number below `limit`.
template <typename Call>
std::pair<double, double> timed(int count, int64_t limit, const Call& call) {
  std::mt19937_64 random(7);
  std::vector<double> micros;
  for (int i = 0; i < count; ++i) {
    const auto wanted = static_cast<int64_t>(random() % static_cast<uint64_t>(limit));
    const auto began = std::chrono::steady_clock::now();
    call(wanted);
    micros.push_back(seconds_since(began) * 1e6);
  }
  std::sort(micros.begin(), micros.end());
  return {micros[micros.size() / 2], micros[micros.size() * 99 / 100]};
}

// By offset, and by time: the time of a record is its offset here.
int lookup(FileSystem& files, const std::string& directory, uint64_t megabytes) {
  int missed = 0;
  for (const size_t batch_bytes : {kAppendBytes, size_t{1000}, size_t{200}}) {
    const auto log = empty_log(files, directory);
    LogConfig config = log->config();
    config.segment_bytes = INT32_MAX;
    log->update_config(config);
    records::BatchBuilder builder;
    const std::string value(batch_bytes - 80, 'v');
    for (uint64_t written = 0; written < megabytes << 20;) {
      builder.begin({});
      builder.append(log->log_end_offset(), std::nullopt, bytes_of(value));
      const auto batch = builder.finish();
      must(batch.status());
      written += batch->size();
      const AppendInfo info = log->append_as_leader(*batch, 0, AppendOrigin::kClient, 9, 1);
      if (info.error != ErrorCode::NONE) must({info.error, info.message});
    }
    const int64_t end = log->log_end_offset();
    const auto by_offset = timed(100000, end, [&](int64_t offset) {
      const auto read = log->read(offset, 1, end, true);
      if (!read.ok() || read->slice.length == 0) must({ErrorCode::UNKNOWN_SERVER_ERROR, "nothing read"});
    });
    const auto by_time = timed(10000, end, [&](int64_t time) {
      const auto found = log->find_timestamp(time);
      if (!found.ok() || found->offset != time) must({ErrorCode::UNKNOWN_SERVER_ERROR, "not found"});
    });
    fmt::print(
        "lookup in a segment of {} MiB, batches of {} bytes: by offset {:.1f} us (p99 {:.1f}), by time "
        "{:.1f} us (p99 "
        "{:.1f})\n",
        log->size_in_bytes() >> 20, batch_bytes, by_offset.first, by_offset.second, by_time.first,
        by_time.second);
    if (by_offset.first > kLookupMicros) missed = 1;
  }
  return missed;
}

int run(const std::string& what, const std::string& parent, uint64_t megabytes) {
  const auto files = posix_file_system();
  const std::string directory = parent + "/ottla-bench-0";
  int missed = 2;
  if (what == "append") missed = append(directory, megabytes);
  if (what == "lookup") missed = lookup(*files, directory, megabytes);
  if (what == "compaction") missed = compaction(*files, directory, megabytes);
  must(files->remove_all(directory));
  if (missed == 1)
    fmt::print("below the bound: append {} MB/s, lookup {} us, compaction {} MB/s\n", kAppendMbPerSecond,
               kLookupMicros, kCompactionMbPerSecond);
  return missed;
}

}  // namespace
}  // namespace ottla::storage

int main(int count, char** arguments) {
  return ottla::storage::run(count > 1 ? arguments[1] : "", count > 2 ? arguments[2] : "/var/tmp",
                             count > 3 ? std::strtoull(arguments[3], nullptr, 10) : 1024);
}
