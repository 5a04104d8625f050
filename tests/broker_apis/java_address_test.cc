// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/java_address.h"

#include <gtest/gtest.h>

namespace ottla {
namespace {

TEST(JavaAddress, IsWhatInetAddressPrints) {
  EXPECT_EQ(java_address("127.0.0.1"), "/127.0.0.1");
  EXPECT_EQ(java_address("::1"), "/0:0:0:0:0:0:0:1");
  EXPECT_EQ(java_address("fe80::a0b:1"), "/fe80:0:0:0:0:0:a0b:1");
  EXPECT_EQ(java_address("::ffff:10.1.2.3"), "/10.1.2.3");
  EXPECT_EQ(java_address("somewhere"), "/somewhere");
}

}  // namespace
}  // namespace ottla
