// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/cold_reads.h"

#include <algorithm>

namespace ottla {
namespace {

constexpr size_t kPieceBytes = 256 << 10;

void read_through(const FileSlice& slice, std::vector<uint8_t>& piece) {
  uint64_t at = slice.position;
  const uint64_t end = slice.position + slice.length;
  while (at < end) {
    const size_t wanted = std::min<uint64_t>(piece.size(), end - at);
    const ssize_t count = slice.file->read_at(std::span(piece).first(wanted), at);
    if (count <= 0) return;
    at += static_cast<uint64_t>(count);
  }
}

}  // namespace

void ColdReads::bring(std::vector<FileSlice> slices, std::function<void()> done) {
  jobs_.push_back({std::move(slices), std::move(done)});
  start_next();
}

void ColdReads::start_next() {
  if (jobs_.empty() || running_ == kAtOnce) return;
  ++running_;
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  loop_.run_in_background(
      [slices = std::move(job.slices)] {
        std::vector<uint8_t> piece(kPieceBytes);
        for (const FileSlice& slice : slices) read_through(slice, piece);
      },
      [this, alive = std::weak_ptr(alive_), done = std::move(job.done)] {
        if (alive.expired()) return;
        --running_;
        start_next();
        done();
      });
}

}  // namespace ottla
