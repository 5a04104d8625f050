// SPDX-License-Identifier: Apache-2.0
// H7: random appends, transactions, rolls, cleanings and restarts against a model of the last value per key.
#include <random>

#include "cleaning_fixture.h"

namespace ottla::storage {
namespace {

class CleaningRandomTest : public CleaningTest, public testing::WithParamInterface<int> {
 protected:
  CleaningRandomTest() : random_(static_cast<uint32_t>(GetParam())) {
    config_.segment_bytes = 1500;
    limits_.map_bytes = 24 * (20 + at_most(100));
    limits_.buffer_bytes = 200 + at_most(3000);
  }
  uint32_t at_most(uint32_t most) { return std::uniform_int_distribution<uint32_t>(0, most)(random_); }

  // What a batch makes of the model once it is committed.
  void apply(const Pairs& pairs, int64_t base) {
    for (size_t i = 0; i < pairs.size(); ++i) {
      const auto& [key, value] = pairs[i];
      if (value) {
        model_[key] = {base + static_cast<int64_t>(i), key, value, now_ + static_cast<int64_t>(i)};
      } else {
        model_.erase(key);
      }
    }
  }
  Pairs random_pairs() {
    Pairs pairs(1 + at_most(6));
    for (auto& [key, value] : pairs) {
      key = "k" + std::to_string(at_most(40));
      if (at_most(4) > 0) value = std::to_string(++values_) + std::string(at_most(60), '.');
    }
    return pairs;
  }
  void append_random() {
    const Pairs pairs = random_pairs();
    const auto codec = static_cast<records::Compression>(at_most(4));
    const int64_t base = log_->log_end_offset();
    const int64_t producer = at_most(3);
    if (producer == 0) {
      put_batch(pairs, {}, codec, now_);
      return apply(pairs, base);
    }
    const bool transactional = producer == 3;
    int32_t& sequence = sequences_[producer];
    put_batch(pairs, {producer, 0, sequence, transactional}, codec, now_);
    sequence += static_cast<int32_t>(pairs.size());
    transactional ? pending_.push_back({pairs, base, now_}) : apply(pairs, base);
  }
  void end_transaction_at_random() {
    if (pending_.empty()) return;
    const bool commit = at_most(2) > 0;
    end_transaction(3, commit);
    // A key's last record is the one with the highest offset, whenever its transaction ended.
    for (const Pending& one : pending_) {
      if (commit) committed_late(one);
    }
    pending_.clear();
  }
  struct Pending {
    Pairs pairs;
    int64_t base;
    int64_t timestamp;
  };
  // Others may have written the same keys since.
  void committed_late(const Pending& one) {
    std::map<std::string, KeyedRecord> newest;
    for (const KeyedRecord& record : keyed(true)) newest[record.key] = record;
    for (size_t i = 0; i < one.pairs.size(); ++i) {
      const auto& [key, value] = one.pairs[i];
      const int64_t offset = one.base + static_cast<int64_t>(i);
      const auto found = newest.find(key);
      if (found != newest.end() && found->second.offset > offset) continue;
      if (value) {
        model_[key] = {offset, key, value, one.timestamp + static_cast<int64_t>(i)};
      } else {
        model_.erase(key);
      }
    }
  }
  void act() {
    now_ += at_most(200);
    switch (at_most(20)) {
      case 0:
        cleaned_up_to_ = log_->cleaned_up_to();
        return restart_clean();
      case 1:
        cleaned_up_to_ = log_->cleaned_up_to();
        return restart_killed(at_most(1) == 0 ? 0 : log_->recovery_point());
      case 2:
      case 3:
        return must_clean(now_);
      case 4:
      case 5:
        return end_transaction_at_random();
      default:
        return append_random();
    }
  }
  std::map<std::string, KeyedRecord> seen_now() {
    auto found = latest();
    for (const Pending& one : pending_) {
      // Of a transaction that is still open; the reader of what is committed does not come that far.
      for (const auto& [key, value] : one.pairs) {
        found.erase(key);
        model_without_pending_.erase(key);
      }
    }
    return found;
  }

  std::mt19937 random_;
  int64_t now_ = kNow;
  int values_ = 0;
  std::map<std::string, KeyedRecord> model_;
  std::map<std::string, KeyedRecord> model_without_pending_;
  std::map<int64_t, int32_t> sequences_;
  std::vector<Pending> pending_;
};

TEST_P(CleaningRandomTest, H7TheLastValueOfEachKeyIsThereWhateverHappens) {
  open();
  for (int i = 0; i < 400; ++i) {
    act();
    if (HasFatalFailure()) return;
    if (i % 20 != 19) continue;
    model_without_pending_ = model_;
    const auto found = seen_now();
    ASSERT_EQ(found, model_without_pending_) << "seed " << GetParam() << ", after " << i + 1 << " actions";
  }
  if (!pending_.empty()) end_transaction_at_random();
  new_segment();
  now_ += 1'000'000;
  while (log_->cleaned_up_to() < log_->cleaning_plan(now_).uncleanable_offset) must_clean(now_);
  std::map<std::string, int> counts;
  for (const KeyedRecord& record : keyed()) ++counts[record.key];
  for (const auto& [key, count] : counts) EXPECT_TRUE(count == 1 || key == "filler") << key << ": " << count;
  auto found = latest();
  found.erase("filler");
  EXPECT_EQ(found, model_);
  // A round that follows the one that set the horizons takes the tombstones.
  must_clean(now_ + config_.delete_retention_ms);
  for (const KeyedRecord& record : keyed()) EXPECT_TRUE(record.value.has_value()) << record.key;
  found = latest();
  found.erase("filler");
  EXPECT_EQ(found, model_);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CleaningRandomTest, testing::Range(1, 41));

}  // namespace
}  // namespace ottla::storage
