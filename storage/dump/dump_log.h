// SPDX-License-Identifier: Apache-2.0
// What `ottla dump-log` prints of the files of a log directory: line for line what kafka-dump-log prints
// (kafka.tools.DumpLogSegments of 2.8, org.apache.kafka.tools.DumpLogSegments of 4.3), and the files that the
// stock tool does not know: checkpoints, meta.properties, partition.metadata.
//
// Where the stock tool ends with an exception, the reason is one line on the error output, and the dump ends
// there too. On purpose not here: decoders that are Java classes.
#pragma once

#include <climits>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/io/file_system.h"

namespace ottla::storage {

struct DumpOptions {
  enum class Style { k2_8, k4_3 };  // whose words
  enum class Decoder { kText, kOffsets, kTransactions, kMetadata };

  std::vector<std::string> files;
  Style style = Style::k4_3;
  Decoder decoder = Decoder::kText;
  bool print_data = false;  // keys and values; a decoder other than kText implies it
  bool deep = false;        // the records inside the batches; implied by print_data
  bool index_sanity_only = false;
  bool verify_index_only = false;
  bool skip_record_metadata = false;
  int max_message_size = 5 << 20;  // how far from an index entry's position a batch is looked for
  int max_bytes = INT_MAX;         // of each .log
};

struct DumpSinks {
  std::function<void(std::string_view line)> out;
  std::function<void(std::string_view line)> err;
};

// The exit code: 0, or 1 where it could not come to its end. Damage that a dump can show and go on from is
// reported and leaves 0, as the stock tool does.
int dump_log(FileSystem& files, const DumpOptions& options, const DumpSinks& sinks);

}  // namespace ottla::storage
