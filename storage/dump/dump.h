// SPDX-License-Identifier: Apache-2.0
// One run of a dump: a function per kind of file, and what they found wrong, told at the end.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/records/record_reader.h"
#include "storage/dump/dump_log.h"
#include "storage/dump/file_batches.h"

namespace ottla::storage {

// Pairs of numbers, by the file where they were found, in the order of finding.
using Findings = std::vector<std::pair<std::string, std::vector<std::pair<int64_t, int64_t>>>>;

class Dump {
 public:
  Dump(FileSystem& files, const DumpOptions& options, const DumpSinks& sinks)
      : files_(files), options_(options), sinks_(sinks) {}

  Status dump_file(const std::string& path);
  void report() const;

 private:
  bool as_2_8() const { return options_.style == DumpOptions::Style::k2_8; }
  bool prints_data() const { return options_.print_data || options_.decoder != DumpOptions::Decoder::kText; }

  // dump_batches.cc: .log, and the snapshots of KRaft's metadata
  Status dump_batches(const std::string& path);
  Status dump_records(const std::string& path, const DumpedBatch& batch, int64_t& last_offset);
  void print_batch(const DumpedBatch& batch) const;
  Result<std::string> record_line(const DumpedBatch& batch, int64_t base_offset,
                                  const records::RecordView& record) const;
  void append_metadata(std::string& line, const DumpedBatch& batch, int64_t base_offset,
                       const records::RecordView& record) const;

  // dump_indexes.cc
  Status dump_offset_index(const std::string& path);
  Status check_offset_index(const std::string& path, uint64_t size, int64_t base, int64_t last_offset) const;
  Status dump_time_index(const std::string& path);
  Status check_time_index(const std::string& path, const std::string& content, int64_t base) const;
  Status check_time_entry(const std::string& path, const std::shared_ptr<File>& log, uint64_t position,
                          int64_t timestamp, int64_t offset, int64_t previous_timestamp);
  Status dump_transaction_index(const std::string& path);

  // dump_states.cc
  Status dump_producer_snapshot(const std::string& path);
  // Nothing where the file is of no kind that is known by its name.
  bool dump_by_name(const std::string& path, Status& status);

  FileSystem& files_;
  const DumpOptions& options_;
  const DumpSinks& sinks_;
  Findings index_mismatches_;
  Findings time_mismatches_;
  Findings times_out_of_order_;
  Findings offsets_not_found_;
  Findings gaps_;
};

// Adds a pair to those of `path`.
void add_finding(Findings& findings, const std::string& path, int64_t first, int64_t second);

// The digits before the first dot of a file's name; CORRUPT_MESSAGE where they are none.
Result<int64_t> offset_in_name(const std::string& path);
// The same name with another suffix, beside it.
std::string sibling(const std::string& path, const char* suffix);

}  // namespace ottla::storage
