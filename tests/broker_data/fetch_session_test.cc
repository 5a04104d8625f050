// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/fetch_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>

namespace ottla {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FetchSessionTest : public ::testing::Test {
 protected:
  FetchContext begin(int32_t id, int32_t epoch, const std::vector<int32_t>& asked,
                     const std::vector<int32_t>& forgotten = {}, bool by_id = false, bool follower = false) {
    targets.clear();
    for (const int32_t partition : asked)
      targets.push_back({"t", {}, partition, 10 * partition, 100, -1, -1, {}});
    std::vector<ForgottenPartition> gone;
    for (const int32_t partition : forgotten) gone.push_back({"t", {}, partition});
    return cache.begin(
        {id, epoch, by_id, follower}, targets, gone, [](const Uuid&) { return "t"; }, now_ms);
  }
  // The answer's partitions, where each came to `high_watermark` and those in `with_records` had records.
  std::vector<int32_t> finish(const FetchContext& context, int64_t high_watermark,
                              const std::vector<int32_t>& with_records = {}) {
    std::vector<FetchOutcome> outcomes(targets.size());
    for (size_t i = 0; i < targets.size(); ++i) {
      outcomes[i].high_watermark = high_watermark;
      outcomes[i].log_start_offset = 0;
      outcomes[i].has_records = std::ranges::count(with_records, targets[i].partition) > 0;
    }
    finished = cache.finish(context, targets, outcomes, now_ms);
    std::vector<int32_t> included;
    for (size_t i = 0; i < targets.size(); ++i) {
      if (outcomes[i].included) included.push_back(targets[i].partition);
    }
    return included;
  }
  int32_t new_session(const std::vector<int32_t>& asked, bool follower = false) {
    const FetchContext context = begin(0, 0, asked, {}, false, follower);
    finish(context, 5);
    return finished.session_id;
  }
  std::vector<int32_t> target_partitions() const {
    std::vector<int32_t> out;
    for (const FetchTarget& target : targets) out.push_back(target.partition);
    return out;
  }

  FetchSessionCache cache{2, 1};
  std::vector<FetchTarget> targets;
  FetchSessionCache::Finished finished;
  int64_t now_ms = 1000;
};

TEST_F(FetchSessionTest, AFullRequestIsAnsweredWholeAndGetsASession) {
  const FetchContext context = begin(0, 0, {0, 1});
  EXPECT_THAT(finish(context, 5), ElementsAre(0, 1));
  EXPECT_GT(finished.session_id, 0);
  EXPECT_EQ(cache.partitions(), 2u);
}

TEST_F(FetchSessionTest, EpochMinusOneIsOutsideOfSessions) {
  const int32_t id = new_session({0});
  EXPECT_THAT(finish(begin(id, -1, {0}), 5), ElementsAre(0));
  EXPECT_EQ(finished.session_id, 0);
  EXPECT_EQ(cache.size(), 0u) << "a session named by it is closed";
}

TEST_F(FetchSessionTest, OnlyWhatChangedIsSent) {
  const int32_t id = new_session({0, 1, 2});
  FetchContext context = begin(id, 1, {});
  EXPECT_THAT(target_partitions(), ElementsAre(0, 1, 2));
  EXPECT_THAT(finish(context, 5), IsEmpty());
  context = begin(id, 2, {});
  EXPECT_THAT(finish(context, 6), ElementsAre(0, 1, 2)) << "a high watermark moved";
  context = begin(id, 3, {});
  EXPECT_THAT(finish(context, 6, {1}), ElementsAre(1)) << "there are records";
  EXPECT_EQ(finished.session_id, id);
}

TEST_F(FetchSessionTest, AnErrorIsSentAndSoIsWhatFollowsIt) {
  const int32_t id = new_session({0});
  FetchContext context = begin(id, 1, {});
  std::vector<FetchOutcome> outcomes(1);
  outcomes[0].failed = true;
  outcomes[0].high_watermark = 5;
  cache.finish(context, targets, outcomes, now_ms);
  EXPECT_TRUE(outcomes[0].included);
  context = begin(id, 2, {});
  EXPECT_THAT(finish(context, 5), ElementsAre(0));
}

TEST_F(FetchSessionTest, PartitionsWithRecordsGoBehindTheOthers) {
  const int32_t id = new_session({0, 1, 2});
  finish(begin(id, 1, {}), 5, {0});
  begin(id, 2, {});
  EXPECT_THAT(target_partitions(), ElementsAre(1, 2, 0));
}

TEST_F(FetchSessionTest, AllSessionsTogetherHoldABoundedNumberOfPartitions) {
  std::vector<int32_t> half(FetchSessionCache::kMostPartitions / 2);
  std::iota(half.begin(), half.end(), 0);
  const int32_t first = new_session(half);
  const int32_t second = new_session(half);
  EXPECT_NE(second, 0);
  EXPECT_THAT(finish(begin(first, 1, half), 5), IsEmpty()) << "what is in it already takes nothing more";
  EXPECT_EQ(begin(second, 1, {100'000'000}).error(), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(cache.partitions(), half.size());
  half.push_back(100'000'000);
  EXPECT_EQ(new_session(half), 0) << "the answer is whole, without a session";
  EXPECT_EQ(cache.size(), 1u);
}

TEST_F(FetchSessionTest, ARequestAddsChangesAndForgets) {
  const int32_t id = new_session({0, 1});
  finish(begin(id, 1, {2}, {0}), 5);
  EXPECT_THAT(target_partitions(), ElementsAre(1, 2));
  finish(begin(id, 2, {}, {7}), 5);
  EXPECT_THAT(target_partitions(), ElementsAre(1, 2));
  FetchContext context = begin(id, 3, {}, {1, 2});
  EXPECT_EQ(context.error(), ErrorCode::NONE);
  EXPECT_EQ(cache.size(), 0u) << "nothing is left of it";
  finish(context, 5);
  EXPECT_EQ(finished.session_id, 0);
}

TEST_F(FetchSessionTest, WrongIdsEpochsAndKindsAreRefused) {
  EXPECT_EQ(begin(4711, 1, {}).error(), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
  EXPECT_EQ(begin(0, 1, {}).error(), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
  const int32_t id = new_session({0});
  EXPECT_EQ(begin(id, 2, {}).error(), ErrorCode::INVALID_FETCH_SESSION_EPOCH);
  EXPECT_EQ(begin(id, -5, {}).error(), ErrorCode::INVALID_FETCH_SESSION_EPOCH);
  EXPECT_EQ(begin(id, 1, {}, {}, true).error(), ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
  EXPECT_EQ(begin(id, 1, {}).error(), ErrorCode::NONE);
  EXPECT_EQ(begin(id, 1, {}).error(), ErrorCode::INVALID_FETCH_SESSION_EPOCH) << "used twice";
}

TEST_F(FetchSessionTest, ARequestThatWasOvertakenIsToldSo) {
  const int32_t id = new_session({0});
  const FetchContext waiting = begin(id, 1, {});
  const std::vector<FetchTarget> waiting_targets = targets;
  finish(begin(id, 2, {1}, {0}), 5);
  targets = waiting_targets;
  EXPECT_THAT(finish(waiting, 9), IsEmpty());
  EXPECT_EQ(finished.error, ErrorCode::INVALID_FETCH_SESSION_EPOCH);
  EXPECT_EQ(finished.session_id, id);
}

TEST_F(FetchSessionTest, ARequestWhoseSessionWasEmptiedMeanwhileIsToldSo) {
  const int32_t id = new_session({0, 1});
  const FetchContext waiting = begin(id, 1, {});
  const std::vector<FetchTarget> waiting_targets = targets;
  finish(begin(id, 2, {}, {0, 1}), 5);
  targets = waiting_targets;
  EXPECT_THAT(finish(waiting, 9, {0}), IsEmpty());
  EXPECT_EQ(finished.error, ErrorCode::INVALID_FETCH_SESSION_EPOCH);
}

TEST_F(FetchSessionTest, EpochsWrapToOne) {
  EXPECT_EQ(FetchSessionCache::next_epoch(0), 1);
  EXPECT_EQ(FetchSessionCache::next_epoch(INT32_MAX), 1);
  EXPECT_EQ(FetchSessionCache::next_epoch(-1), -1);
}

TEST_F(FetchSessionTest, AFullCacheGivesNoSessionUntilOneIsOldOrUnused) {
  const int32_t first = new_session({0, 1, 2});
  const int32_t second = new_session({0, 1});
  EXPECT_EQ(new_session({0, 1, 2, 3}), 0) << "the others are young";
  now_ms += FetchSessionCache::kEvictionMs + 1;
  // Both are used now, so they are old but not unused.
  finish(begin(first, 1, {}), 5);
  finish(begin(second, 1, {}), 5);
  EXPECT_EQ(new_session({0, 1}), 0) << "worth no more than either";
  EXPECT_NE(new_session({0, 1, 2}), 0) << "worth more than the smaller";
  EXPECT_EQ(begin(second, 2, {}).error(), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
  EXPECT_EQ(begin(first, 2, {}).error(), ErrorCode::NONE);
  now_ms += FetchSessionCache::kEvictionMs + 1;
  EXPECT_NE(new_session({0}), 0) << "nobody used the others for long";
}

TEST_F(FetchSessionTest, AFollowerTakesAClientsPlaceAtOnceAndKeepsItsOwn) {
  new_session({0});
  const int32_t client = new_session({0, 1});
  EXPECT_NE(new_session({0}, true), 0);
  EXPECT_NE(new_session({0}, true), 0);
  EXPECT_EQ(begin(client, 1, {}).error(), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
  EXPECT_EQ(new_session({0}, true), 0);
  now_ms += 1;
  EXPECT_EQ(new_session({0, 1, 2}), 0);
}

// Two thousand clients for a thousand slots, each with more partitions than the one before: the later ones
// take the places of the earlier. Whoever is told that its session is gone begins anew and gets all of its
// partitions.
TEST_F(FetchSessionTest, H10AnEvictedSessionIsAFullFetchAndForgetsNoPartition) {
  constexpr int kClients = 2000;
  cache = FetchSessionCache(1000, 1);
  struct Session {
    int32_t id = 0;
    int32_t epoch = 0;
    std::vector<int32_t> partitions;
  };
  std::vector<Session> clients(kClients);
  int evicted = 0;
  int incremental = 0;
  const auto poll = [&](Session& client) {
    if (client.id != 0) {
      const FetchContext context = begin(client.id, client.epoch, {});
      if (context.error() == ErrorCode::NONE) {
        EXPECT_EQ(target_partitions(), client.partitions) << "all of them are read";
        finish(context, 5);
        ++client.epoch;
        ++incremental;
        return;
      }
      EXPECT_EQ(context.error(), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
      ++evicted;
    }
    const FetchContext context = begin(0, 0, client.partitions);
    EXPECT_EQ(finish(context, 5), client.partitions);
    client.id = finished.session_id;
    client.epoch = 1;
  };
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kClients; ++i) {
      clients[i].partitions.resize(static_cast<size_t>(1 + i / 200));
      std::iota(clients[i].partitions.begin(), clients[i].partitions.end(), 0);
      poll(clients[i]);
    }
    now_ms += FetchSessionCache::kEvictionMs + 1;
  }
  EXPECT_GT(evicted, 500);
  EXPECT_GT(incremental, 500);
}

TEST_F(FetchSessionTest, WithoutSlotsThereAreNoSessions) {
  cache = FetchSessionCache(0, 1);
  EXPECT_EQ(new_session({0}), 0);
}

// Random requests against a plain list of what a session has.
TEST_F(FetchSessionTest, RandomRequestsAgreeWithAModel) {
  struct Known {
    int32_t partition;
    int64_t offset;
    int64_t high_watermark;
  };
  std::mt19937 random(20240607);
  std::vector<Known> model;
  std::map<int32_t, int64_t> watermarks;
  int32_t id = 0;
  int32_t epoch = 0;
  for (int step = 0; step < 5000; ++step) {
    std::vector<int32_t> asked;
    std::vector<int32_t> forgotten;
    for (int32_t p = 0; p < 8; ++p) {
      if (random() % 4 == 0) asked.push_back(p);
      if (epoch > 0 && random() % 8 == 0) forgotten.push_back(p);
      if (random() % 6 == 0) ++watermarks[p];
    }
    if (epoch == 0 && asked.empty()) asked.push_back(0);
    for (const int32_t p : asked) {
      const auto known = std::ranges::find(model, p, &Known::partition);
      if (known == model.end()) model.push_back({p, 10 * p, -1});
    }
    std::erase_if(model,
                  [&](const Known& known) { return std::ranges::count(forgotten, known.partition) > 0; });
    const FetchContext context = begin(id, epoch, asked, forgotten);
    ASSERT_EQ(context.error(), ErrorCode::NONE);
    if (model.empty()) {
      ASSERT_EQ(cache.size(), 0u);
      id = epoch = 0;
      continue;
    }
    std::vector<int32_t> expected_order;
    for (const Known& known : model) expected_order.push_back(known.partition);
    ASSERT_EQ(target_partitions(), expected_order);
    std::vector<FetchOutcome> outcomes(targets.size());
    std::vector<int32_t> expected;
    std::vector<int32_t> included;
    for (size_t i = 0; i < targets.size(); ++i) {
      outcomes[i].high_watermark = watermarks[targets[i].partition];
      outcomes[i].log_start_offset = 0;
      outcomes[i].has_records = random() % 4 == 0;
      const bool changed =
          epoch == 0 || outcomes[i].has_records || model[i].high_watermark != outcomes[i].high_watermark;
      if (changed) expected.push_back(targets[i].partition);
      model[i].high_watermark = outcomes[i].high_watermark;
    }
    finished = cache.finish(context, targets, outcomes, now_ms);
    ASSERT_EQ(finished.error, ErrorCode::NONE);
    for (size_t i = 0; i < targets.size(); ++i) {
      if (outcomes[i].included) included.push_back(targets[i].partition);
    }
    ASSERT_EQ(included, expected) << "in step " << step;
    if (epoch > 0) {
      std::vector<Known> behind;
      for (size_t i = 0; i < targets.size(); ++i) {
        if (outcomes[i].has_records) behind.push_back(model[i]);
      }
      std::erase_if(model, [&](const Known& known) {
        return std::ranges::find(behind, known.partition, &Known::partition) != behind.end();
      });
      model.insert(model.end(), behind.begin(), behind.end());
    }
    id = finished.session_id;
    epoch = FetchSessionCache::next_epoch(epoch);
    if (random() % 50 == 0) {
      epoch = 0;
      model.clear();
    }
    ASSERT_LE(cache.size(), 1u);
  }
}

}  // namespace
}  // namespace ottla
