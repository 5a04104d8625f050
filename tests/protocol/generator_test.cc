// SPDX-License-Identifier: Apache-2.0
// The errors that stop the build: each names file, line and field.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "protocol/generator/checker.h"
#include "protocol/generator/emitter.h"
#include "protocol/generator/names.h"
#include "protocol/generator/spec.h"

namespace ottla::generator {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

// The errors of a message TestRequest with the given fields and structs.
std::vector<std::string> errors_of(
    const std::string& fields, const std::string& structs = "",
    const std::string& head = R"("kind":"request","key":1,"versions":"0-3","flexible":"2+")") {
  std::vector<std::string> errors;
  const std::string text = R"({"name":"TestRequest",)" + head + R"(,"fields":[)" + fields + "]" +
                           (structs.empty() ? "" : R"(,"structs":[)" + structs + "]") + "}";
  const Message message = parse_message("test_request.json", text, errors);
  if (errors.empty()) check_message(message, errors);
  return errors;
}

TEST(Checker, AcceptsAPlainMessage) {
  EXPECT_THAT(errors_of(R"({"name":"A","type":"int32","versions":"0+"})"), ElementsAre());
}

TEST(Checker, NamesFileLineMessageAndField) {
  EXPECT_THAT(
      errors_of(
          R"({"name":"A","type":"[]E","versions":"0+","fields":[{"name":"B","type":"what","versions":"0+"}]})"),
      ElementsAre("test_request.json:1: TestRequest.A.B: unknown type what"));
}

TEST(Checker, NamesTheLineWhereTheFieldBegins) {
  const std::string text = R"({
  // A comment is a line too.
  "name": "TestData", "kind": "data", "versions": "0", "flexible": "none",
  "structs": [
    {"name": "S", "versions": "0", "fields": [
      {
        "name": "Deep",
        "type": "int9", "versions": "0"}]}],
  "fields": [
    {"name": "A", "type": "[]S", "versions": "0"},
    {"name": "B", "type": "int8", "versions": "0", "colour": 1},

    {"name": "B", "type": "int8", "versions": "0"}
  ]
})";
  std::vector<std::string> errors;
  Message message = parse_message("test_data.json", text, errors);
  EXPECT_THAT(errors, ElementsAre("test_data.json:11: TestData.B: unknown property \"colour\""));
  errors.clear();
  check_message(message, errors);
  EXPECT_THAT(errors, ElementsAre("test_data.json:13: TestData.B: is defined twice",
                                  "test_data.json:6: TestData.S.Deep: unknown type int9"));
}

TEST(Checker, RejectsWhatIsNotJson) {
  std::vector<std::string> errors;
  parse_message("x.json", "{", errors);
  parse_message("x.json", "{\n\"name\": \"A\",\n\n\"kind\" \"data\"}", errors);
  parse_message("x.json", "", errors);
  EXPECT_THAT(errors,
              ElementsAre(HasSubstr("x.json:1: is not JSON: syntax error"),
                          HasSubstr("x.json:4: is not JSON: syntax error while parsing object separator"),
                          HasSubstr("x.json:1: is not JSON")));
}

TEST(Checker, RejectsPropertiesThatStandTwice) {
  std::vector<std::string> errors;
  parse_message("x.json", "{\"name\": \"A\",\n\"kind\": \"data\",\n\"kind\": \"data\"}", errors);
  EXPECT_THAT(errors, ElementsAre("x.json:3: property \"kind\" stands twice"));
}

TEST(Checker, RejectsFieldsThatAreNoObjects) {
  EXPECT_THAT(errors_of("1"), Contains("test_request.json:1: TestRequest.?: is not a JSON object"));
}

struct Mistake {
  const char* name;
  const char* fields;
  const char* error;
};

class CheckerMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(CheckerMistakes, AreErrors) {
  EXPECT_THAT(errors_of(GetParam().fields), Contains(HasSubstr(GetParam().error)));
}

INSTANTIATE_TEST_SUITE_P(
    All, CheckerMistakes,
    testing::Values(
        Mistake{"MissingType", R"({"name":"A","versions":"0+"})", "A: \"type\" is missing"},
        Mistake{"UnknownProperty", R"({"name":"A","type":"int8","versions":"0+","colour":1})",
                "A: unknown property \"colour\""},
        Mistake{"MistypedProperty", R"({"name":"A","type":"int8","versions":3})",
                "A: \"versions\" must be a string"},
        Mistake{"BadVersions", R"({"name":"A","type":"int8","versions":"3-1"})",
                "A: \"versions\" is not a version range"},
        Mistake{"NeverPresent", R"({"name":"A","type":"int8","versions":"7+"})",
                "A: is in no version (7+ within 0-3)"},
        Mistake{"Twice",
                R"({"name":"AB","type":"int8","versions":"0+"},{"name":"Ab","type":"int8","versions":"0+"})",
                "Ab: is defined twice"},
        Mistake{"NullableNumber", R"({"name":"A","type":"int8","versions":"0+","nullable":"0+"})",
                "A: a int8 cannot be nullable"},
        Mistake{"NullDefault", R"({"name":"A","type":"string","versions":"0+","default":null})",
                "A: default null, but never nullable"},
        Mistake{"DefaultTooBig", R"({"name":"A","type":"int8","versions":"0+","default":128})",
                "A: default 128 does not fit int8"},
        Mistake{"DefaultOfOtherType", R"({"name":"A","type":"bool","versions":"0+","default":"x"})",
                "does not fit bool"},
        Mistake{"ArrayDefault", R"({"name":"A","type":"[]int8","versions":"0+","default":1})",
                "A: the only default of an array"},
        Mistake{"TagAlone", R"({"name":"A","type":"int8","versions":"2+","tag":0})",
                "A: \"tag\" and \"tagged\" need each other"},
        Mistake{"TagInOldVersion", R"({"name":"A","type":"int8","versions":"0+","tag":0,"tagged":"1+"})",
                "A: is tagged in versions that are not flexible"},
        Mistake{
            "TagTwice",
            R"({"name":"A","type":"int8","versions":"2+","tag":0,"tagged":"2+"},{"name":"B","type":"int8","versions":"2+","tag":0,"tagged":"2+"})",
            "B: tag 0 is used twice"},
        Mistake{"TagGap", R"({"name":"A","type":"int8","versions":"2+","tag":1,"tagged":"2+"})",
                "without gaps"},
        Mistake{"TaggedRecords", R"({"name":"A","type":"records","versions":"2+","tag":0,"tagged":"2+"})",
                "A: records cannot be tagged"},
        Mistake{"ArrayOfBool", R"({"name":"A","type":"[]bool","versions":"0+"})",
                "A: arrays of bool are not supported"},
        Mistake{
            "FieldsOfPrimitive",
            R"({"name":"A","type":"int8","versions":"0+","fields":[{"name":"B","type":"int8","versions":"0+"}]})",
            "A: a primitive type cannot have fields"},
        Mistake{"FlexibleWord", R"({"name":"A","type":"string","versions":"0+","flexible":"2+"})",
                "A: \"flexible\" of a field can only be \"none\""}),
    [](const auto& info) { return info.param.name; });

TEST(Checker, RejectsStructuresThatAreUnusedRecursiveOrDoubled) {
  const std::string use = R"({"name":"A","type":"S","versions":"0+"})";
  EXPECT_THAT(errors_of("", R"({"name":"S","versions":"0+","fields":[]})"),
              ElementsAre(HasSubstr("S: structure is never used")));
  EXPECT_THAT(
      errors_of(use, R"({"name":"S","versions":"0+","fields":[{"name":"B","type":"[]S","versions":"0+"}]})"),
      Contains(HasSubstr("A.B: structure S contains itself")));
  EXPECT_THAT(
      errors_of(use, R"({"name":"S","versions":"0+","fields":[]},{"name":"S","versions":"0+","fields":[]})"),
      Contains(HasSubstr("structure S is defined twice")));
}

TEST(Checker, RecordsOfJuteAreFlatAndHaveJutesTypes) {
  const auto jute_errors = [](const std::string& fields) {
    return errors_of(fields, "", R"("kind":"jute","versions":"0-1","flexible":"none")");
  };
  EXPECT_THAT(jute_errors(R"({"name":"A","type":"ustring","versions":"0+"},
                             {"name":"B","type":"[]ustring","versions":"1"},
                             {"name":"C","type":"buffer","versions":"0+","nullable":"0+"},
                             {"name":"D","type":"bool","versions":"0+","optional":true})"),
              ElementsAre());
  EXPECT_THAT(jute_errors(R"({"name":"A","type":"string","versions":"0+"})"),
              ElementsAre(HasSubstr("A: string is no type of jute")));
  EXPECT_THAT(jute_errors(R"({"name":"A","type":"[]int32","versions":"0+"})"),
              ElementsAre(HasSubstr("A: only arrays of ustring are supported")));
  EXPECT_THAT(jute_errors(R"({"name":"A","type":"ustring","versions":"0+","nullable":"0+"})"),
              ElementsAre(HasSubstr("A: only a buffer can be nullable")));
  EXPECT_THAT(jute_errors(R"({"name":"A","type":"bool","versions":"0+","optional":true},
                             {"name":"B","type":"bool","versions":"0+"})"),
              ElementsAre(HasSubstr("A: only a bool at the end can be optional")));
  EXPECT_THAT(errors_of(R"({"name":"A","type":"ustring","versions":"0+"})"),
              ElementsAre(HasSubstr("A: unknown type ustring")));
  EXPECT_THAT(errors_of(R"({"name":"A","type":"bool","versions":"0+","optional":true})"),
              ElementsAre(HasSubstr("A: only records of jute have optional fields")));
}

TEST(Spec, AFileMayHoldAnArrayOfMessages) {
  std::vector<std::string> errors;
  const std::vector<Message> messages = parse_messages("two.json", R"([
  {"name": "A", "kind": "jute", "versions": "0", "flexible": "none", "fields": []},
  {"name": "B", "kind": "jute", "versions": "0", "flexible": "none", "fields": []}
])",
                                                       errors);
  EXPECT_THAT(errors, ElementsAre());
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[1].place().text(), "two.json:3: B");
}

TEST(Checker, RejectsHeadsThatDoNotMakeSense) {
  EXPECT_THAT(errors_of("", "", R"("kind":"request","versions":"0","flexible":"none")"),
              Contains(HasSubstr("a request needs a \"key\"")));
  EXPECT_THAT(errors_of("", "", R"("kind":"letter","key":1,"versions":"0","flexible":"none")"),
              Contains(HasSubstr("unknown kind \"letter\"")));
  EXPECT_THAT(errors_of("", "", R"("kind":"data","versions":"0+","flexible":"none")"),
              Contains(HasSubstr("\"versions\" must have an end")));
  EXPECT_THAT(errors_of("", "", R"("kind":"data","versions":"0-3","flexible":"1-2")"),
              Contains(HasSubstr("\"flexible\" must be")));
}

TEST(Checker, ComparesMessagesWithEachOther) {
  std::vector<std::string> errors;
  const std::string head = R"(,"versions":"0","flexible":"none","fields":[]})";
  const std::vector<Message> messages = {
      parse_message("a_request.json", R"({"name":"ARequest","kind":"request","key":1)" + head, errors),
      parse_message("b.json", R"({"name":"BRequest","kind":"request","key":1)" + head, errors),
      parse_message("c_response.json", R"({"name":"CResponse","kind":"response","key":2)" + head, errors)};
  check_messages(messages, errors);
  EXPECT_THAT(errors, ElementsAre("b.json:1: BRequest: the file must be named b_request.json",
                                  "b.json:1: BRequest: key 1 is also in a_request.json",
                                  "c_response.json:1: CResponse: no request has key 2"));
}

// What a user sees who edited a spec wrongly: the build runs this program.
class GeneratorProgram : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = testing::TempDir() + "ottla-specs-XXXXXX";
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    folder_ = path;
    std::filesystem::create_directory(folder_ / "specs");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void spec(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / "specs" / name) << text;
  }

  // What it says, and its exit code.
  std::pair<std::string, int> run() {
    const std::string command = std::string(OTTLA_GENERATE_MESSAGES) + " " + (folder_ / "specs").string() +
                                " " + (folder_ / "out").string() + " 1 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    std::string text;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
    return {text, WEXITSTATUS(pclose(pipe))};
  }

  std::filesystem::path folder_;
};

TEST_F(GeneratorProgram, WritesHeadersAndDefinitions) {
  spec("small_data.json",
       R"({"name": "SmallData", "kind": "data", "versions": "0", "flexible": "none", "fields": []})");
  EXPECT_EQ(run(), std::pair(std::string(), 0));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out" / "small_data.h"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out" / "messages_00.cc"));
}

TEST_F(GeneratorProgram, AWrongSpecEndsItWithFileLineAndReasonAndWritesNothing) {
  spec("small_data.json", R"({"name": "SmallData", "kind": "data", "versions": "0", "flexible": "none",
  "fields": [
    {"name": "A", "type": "what", "versions": "0"},
    {"name": "C", "type": "string", "versions": "0", "default": null}]})");
  const std::string file = (folder_ / "specs" / "small_data.json").string();
  EXPECT_EQ(run(), std::pair(file + ":3: SmallData.A: unknown type what\n" + file +
                                 ":4: SmallData.C: default null, but never nullable\n",
                             1));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
}

TEST_F(GeneratorProgram, RecordsOfJuteAreNotTakenForKafkasMessages) {
  spec("records.json",
       R"([{"name": "A", "kind": "jute", "versions": "0", "flexible": "none", "fields": []}])");
  const auto [text, code] = run();
  EXPECT_EQ(code, 1);
  EXPECT_THAT(text, HasSubstr("records.json:1: A: the kind \"jute\" is that of ZooKeeper's records"));
}

TEST(VersionRange, ReadsTheFourNotations) {
  EXPECT_EQ(VersionRange::parse("3+"), (VersionRange{3, VersionRange::kOpen}));
  EXPECT_EQ(VersionRange::parse("0-12"), (VersionRange{0, 12}));
  EXPECT_EQ(VersionRange::parse("5"), (VersionRange{5, 5}));
  EXPECT_TRUE(VersionRange::parse("none")->empty());
  for (const char* text : {"", "+", "-1", "3-", "a", "1 ", "99999"})
    EXPECT_EQ(VersionRange::parse(text), std::nullopt) << text;
}

TEST(Names, BecomeSnakeCase) {
  EXPECT_EQ(snake_case("TimeoutMs"), "timeout_ms");
  EXPECT_EQ(snake_case("isKRaftController"), "is_kraft_controller");
  EXPECT_EQ(snake_case("V3AndBelowTopics"), "v3_and_below_topics");
  EXPECT_EQ(snake_case("SSLPort"), "ssl_port");
  EXPECT_EQ(member_name("Operator"), "operator_");
}

}  // namespace
}  // namespace ottla::generator
