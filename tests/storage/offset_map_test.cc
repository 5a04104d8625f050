// SPDX-License-Identifier: Apache-2.0
#include "storage/log/offset_map.h"

#include <gtest/gtest.h>

#include <string>

namespace ottla::storage {
namespace {

Bytes bytes(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

TEST(OffsetMapTest, FindsTheLastOffsetOfEachKey) {
  OffsetMap map(1000, 1 << 20, 0.9, 7);
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(map.put(bytes("key-" + std::to_string(i % 1000)), i));
  EXPECT_EQ(map.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(map.find(bytes("key-" + std::to_string(i))), 1000 + i);
  EXPECT_EQ(map.find(bytes("key-1000")), std::nullopt);
  ASSERT_TRUE(map.put(Bytes{}, 0));
  EXPECT_EQ(map.find(Bytes{}), 0) << "the empty key is a key, and offset 0 an offset";
}

TEST(OffsetMapTest, TakesNoMoreMemoryThanItsKeysNeed) {
  EXPECT_LT(OffsetMap(100, 128 << 20, 0.9, 1).memory_bytes(), 4000u);
  EXPECT_GE(OffsetMap(100, 128 << 20, 0.9, 1).capacity(), 100u);
}

TEST(OffsetMapTest, StaysWithinItsBoundAndRefusesNewKeysBeyondIt) {
  OffsetMap map(1'000'000, 24 * 100, 0.5, 1);
  EXPECT_LE(map.memory_bytes(), 2400u);
  EXPECT_EQ(map.capacity(), 50u);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(map.put(bytes(std::to_string(i)), i));
  EXPECT_FALSE(map.put(bytes("one more"), 50));
  EXPECT_TRUE(map.put(bytes("49"), 51)) << "a key that is there needs no room";
  EXPECT_EQ(map.find(bytes("49")), 51);
  EXPECT_EQ(map.find(bytes("one more")), std::nullopt);
}

TEST(OffsetMapTest, ShrinksWhereTheMemoryIsNotToBeHad) {
  // More than any machine's address space.
  OffsetMap map(UINT64_MAX / 64, UINT64_MAX / 4, 0.9, 1);
  EXPECT_GT(map.capacity(), 0u);
  EXPECT_TRUE(map.put(bytes("k"), 1));
  EXPECT_EQ(map.find(bytes("k")), 1);
}

}  // namespace
}  // namespace ottla::storage
