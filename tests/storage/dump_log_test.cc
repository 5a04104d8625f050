// SPDX-License-Identifier: Apache-2.0
// What the stock tool does not print; what it does print is compared with it by compat/tests/dump_log.
#include "storage/dump/dump_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/dump/record_decoders.h"
#include "storage/io/faulty_file_system.h"
#include "storage/log/checkpoint_file.h"
#include "storage/log/log_directory.h"
#include "storage/log/partition_metadata.h"

namespace ottla::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DumpLogTest : public testing::Test {
 protected:
  DumpLogTest() { EXPECT_TRUE(files_.make_directories("/d").ok()); }

  void write(const std::string& path, std::string_view text) {
    ASSERT_TRUE(files_.write_atomically(path, bytes_of(text)).ok());
  }
  static Bytes bytes_of(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
  }
  int dump(std::vector<std::string> paths) {
    DumpOptions options;
    options.files = std::move(paths);
    return dump_log(files_, options,
                    {[this](std::string_view line) { out_.emplace_back(line); },
                     [this](std::string_view line) { err_.emplace_back(line); }});
  }

  FaultyFileSystem files_;
  std::vector<std::string> out_;
  std::vector<std::string> err_;
};

TEST_F(DumpLogTest, PrintsTheOffsetsOfACheckpoint) {
  ASSERT_TRUE(
      write_offset_checkpoint(files_, "/d/recovery-point-offset-checkpoint", {{{"a", 1}, 7}, {{"b", 0}, 9}})
          .ok());
  EXPECT_EQ(dump({"/d/recovery-point-offset-checkpoint"}), 0);
  EXPECT_THAT(out_, ElementsAre("Dumping /d/recovery-point-offset-checkpoint",
                                "topic: a partition: 1 offset: 7", "topic: b partition: 0 offset: 9"));
}

TEST_F(DumpLogTest, PrintsEpochsIdsAndMetaProperties) {
  const auto id = Uuid::parse("6ujQfKMYQqmQFyuL3dh4pQ");
  ASSERT_TRUE(write_epoch_checkpoint(files_, "/d/leader-epoch-checkpoint", {{1, 0}, {3, 57}}).ok());
  ASSERT_TRUE(write_partition_metadata(files_, "/d/partition.metadata", *id).ok());
  ASSERT_TRUE(write_meta_properties(files_, "/d", {4, "cluster", {}}, 0).ok());
  EXPECT_EQ(dump({"/d/leader-epoch-checkpoint", "/d/partition.metadata", "/d/meta.properties"}), 0);
  EXPECT_THAT(out_, ElementsAre("Dumping /d/leader-epoch-checkpoint", "epoch: 1 startOffset: 0",
                                "epoch: 3 startOffset: 57", "Dumping /d/partition.metadata",
                                "topicId: 6ujQfKMYQqmQFyuL3dh4pQ", "Dumping /d/meta.properties",
                                "{broker.id=4, cluster.id=cluster}"));
}

TEST_F(DumpLogTest, ADamagedCheckpointEndsTheDumpWithTheLine) {
  write("/d/cleaner-offset-checkpoint", "0\n1\ntopic 0 many\n");
  EXPECT_EQ(dump({"/d/cleaner-offset-checkpoint", "/d/other"}), 1);
  EXPECT_THAT(err_, ElementsAre(HasSubstr("malformed line 3")));
}

TEST_F(DumpLogTest, AFileThatIsNotThereEndsTheDump) {
  EXPECT_EQ(dump({"/d/00000000000000000000.log"}), 1);
  EXPECT_THAT(err_, ElementsAre("/d/00000000000000000000.log does not exist"));
}

TEST_F(DumpLogTest, UnknownFilesAreIgnoredWithANote) {
  write("/d/notes", "x");
  EXPECT_EQ(dump({"/d/notes"}), 0);
  EXPECT_THAT(err_, ElementsAre("Ignoring unknown file /d/notes"));
}

TEST(Utf8Text, KeepsWhatIsUtf8) {
  const std::string text = "a \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80";
  EXPECT_EQ(utf8_text({reinterpret_cast<const uint8_t*>(text.data()), text.size()}), text);
}

// What Java's decoder makes of it: one U+FFFD for all bytes that could still have become a character, and for
// a whole surrogate.
TEST(Utf8Text, ReplacesAsJavaDoes) {
  const auto replaced = [](std::string_view text) {
    return utf8_text({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  };
  const std::string sign = "\xef\xbf\xbd";
  EXPECT_EQ(replaced("\xff"), sign);
  EXPECT_EQ(replaced("\xe2\x82"), sign);
  EXPECT_EQ(replaced("\xe2("), sign + "(");
  EXPECT_EQ(replaced("\xed\xa0\x80!"), sign + "!");
  EXPECT_EQ(replaced("\xe0\x80\x80"), sign + sign + sign);
  EXPECT_EQ(replaced("\xf4\x90\x80\x80"), sign + sign + sign + sign);
}

}  // namespace
}  // namespace ottla::storage
