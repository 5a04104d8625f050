// SPDX-License-Identifier: Apache-2.0
#include "broker/program/unused_pages.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <string>

namespace ottla {
namespace {

long file_pages_kib() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("RssFile:")) return std::stol(line.substr(8));
  }
  return 0;
}

// Something that needs much code, tables and relocated addresses: the classes of regex throw, cast and
// allocate.
int much_code() {
  int found = 0;
  for (const char* text : {"a-1", "b-22", "nothing", "c-333"}) {
    found += std::regex_match(text, std::regex("[[:alpha:]]-(\\d+)"));
    try {
      std::regex broken("(");
    } catch (const std::regex_error&) {
      ++found;
    }
  }
  return found;
}

TEST(UnusedPages, AreNotInMemoryAnyMoreAndWhatIsUsedComesBack) {
  ASSERT_EQ(much_code(), 7);
  const long before_kib = file_pages_kib();
  ASSERT_GT(let_go_of_code(), size_t{1024 * 1024});
  EXPECT_LT(file_pages_kib(), before_kib);
  EXPECT_EQ(much_code(), 7);
}

}  // namespace
}  // namespace ottla
