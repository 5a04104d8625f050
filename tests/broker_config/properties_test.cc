// SPDX-License-Identifier: Apache-2.0
#include "broker/config/properties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker_config/temp_file.h"

namespace ottla::config {
namespace {

using testing::HasSubstr;

// "key=value" per entry, "|" between entries.
std::string parsed(std::string_view text) {
  const Result<PropertyFile> file = parse_properties("file", text);
  if (!file.ok()) return file.status().message();
  std::string out;
  for (const Property& property : file->properties) {
    if (!out.empty()) out += "|";
    out += property.key + "=" + property.value;
  }
  return out;
}

TEST(Properties, KeysAndValuesAreSeparatedByEqualsColonOrBlanks) {
  EXPECT_EQ(parsed("a=1\nb:2\nc 3\nd = 4\ne : 5\nf\t=\t6"), "a=1|b=2|c=3|d=4|e=5|f=6");
}

TEST(Properties, OnlyTheFirstSeparatorCounts) {
  EXPECT_EQ(parsed("a==1\nlisteners=PLAINTEXT://:9092\nb  =x y"), "a==1|listeners=PLAINTEXT://:9092|b=x y");
}

TEST(Properties, CommentsAndBlankLinesAreLeftOut) {
  EXPECT_EQ(parsed("# one\n  ! two\n\n   \na=1 # not a comment\n"), "a=1 # not a comment");
}

TEST(Properties, AKeyWithoutValueIsEmpty) { EXPECT_EQ(parsed("a\nb=\nc:  "), "a=|b=|c="); }

TEST(Properties, BlanksAroundAValueAreDropped) { EXPECT_EQ(parsed("   a   =   1   \r\n"), "a=1"); }

TEST(Properties, ABackslashContinuesTheLineAndSkipsItsIndent) {
  EXPECT_EQ(parsed("a=1,\\\n    2,\\\r\n\t3\nb=4"), "a=1,2,3|b=4");
}

TEST(Properties, AnEvenNumberOfBackslashesDoesNotContinue) { EXPECT_EQ(parsed("a=1\\\\\nb=2"), "a=1\\|b=2"); }

TEST(Properties, ACommentIsNotContinuedAndAContinuedLineIsNoComment) {
  EXPECT_EQ(parsed("# one \\\na=1\\\n#2\n"), "a=1#2");
}

TEST(Properties, EscapesAreUndone) {
  EXPECT_EQ(parsed("a=x\\ty\\nz\\\\ \\q"), "a=x\ty\nz\\ q");
  EXPECT_EQ(parsed("a\\=b\\ c\\:d=1"), "a=b c:d=1");
  EXPECT_EQ(parsed("a=\\u0041\\u00e9\\u20ac\\ud83d\\ude00"), "a=A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST(Properties, AMalformedUnicodeEscapeNamesFileAndLine) {
  EXPECT_EQ(parsed("a=1\nb=\\u12x4"), "file:2: \\u must be followed by four hexadecimal digits");
  EXPECT_EQ(parsed("\\u1"), "file:1: \\u must be followed by four hexadecimal digits");
}

TEST(Properties, ALineThatEndsTheFileInABackslashIsKept) { EXPECT_EQ(parsed("a=1\\"), "a=1"); }

TEST(Properties, LinesAreCountedWhereTheEntryStarts) {
  const Result<PropertyFile> file = parse_properties("file", "# c\r\na=1\\\n2\n\nb=3\rc=4");
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(file->properties.size(), 3u);
  EXPECT_EQ(file->properties[0].line, 2);
  EXPECT_EQ(file->properties[1].line, 5);
  EXPECT_EQ(file->properties[2].line, 6);
}

TEST(Properties, ABinaryFileIsRefused) {
  EXPECT_THAT(parsed(std::string_view("PK\x03\x04\0\0", 6)), HasSubstr("not a text file"));
}

TEST(Properties, AFileThatIsNotThereIsNamedWithTheReason) {
  const Result<PropertyFile> file = read_properties("/no/such/server.properties");
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(), HasSubstr("/no/such/server.properties: No such file"));
}

TEST(Properties, ADirectoryIsNamedWithTheReason) {
  const Result<PropertyFile> file = read_properties("/");
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(), HasSubstr("directory"));
}

TEST(Properties, AFileIsRead) {
  const TempFile temp("broker.id=7\n");
  const Result<PropertyFile> file = read_properties(temp.path());
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->name, temp.path());
  ASSERT_EQ(file->properties.size(), 1u);
  EXPECT_EQ(file->properties[0].value, "7");
}

}  // namespace
}  // namespace ottla::config
