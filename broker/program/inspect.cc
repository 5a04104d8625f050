// SPDX-License-Identifier: Apache-2.0
#include "broker/program/inspect.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "protocol/json/frame.h"
#include "protocol/json/message_list.h"
#include "storage/dump/dump_log.h"
#include "storage/io/file_system.h"

namespace ottla {
namespace {

int print(bool ok, const std::string& text, const char* command) {
  if (ok) {
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  std::fprintf(stderr, "ottla %s: %s\n", command, text.c_str());
  return 1;
}

protocol::FrameText read_all(std::istream& in, const std::string& name, std::vector<uint8_t>& bytes) {
  const std::string content((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad() || !in) return {false, fmt::format("{} cannot be read", name)};
  protocol::FrameText parsed = protocol::parse_frame_input(content, bytes);
  if (!parsed.ok) parsed.text = fmt::format("{}: {}", name, parsed.text);
  return parsed;
}

protocol::FrameText read_input(const std::vector<std::string>& input, std::vector<uint8_t>& bytes) {
  if (input.empty() || (input.size() == 1 && input[0] == "-"))
    return read_all(std::cin, "standard input", bytes);
  std::error_code error;
  if (input.size() == 1 && std::filesystem::is_regular_file(input[0], error)) {
    std::ifstream file(input[0], std::ios::binary);
    return read_all(file, input[0], bytes);
  }
  const std::string text = fmt::format("{}", fmt::join(input, " "));
  protocol::FrameText parsed = protocol::parse_hex(text, bytes);
  if (!parsed.ok) parsed.text = fmt::format("'{}' is no file, and as bytes: {}", text, parsed.text);
  return parsed;
}

}  // namespace

int run_decode(const DecodeArguments& arguments) {
  protocol::FrameOptions options;
  options.response = arguments.response;
  options.version = arguments.version;
  options.message = arguments.message;
  options.records = arguments.records;
  if (!arguments.key.empty()) {
    options.key = protocol::api_key_of(arguments.key);
    if (!options.key) return print(false, fmt::format("there is no API '{}'", arguments.key), "decode");
  }
  std::vector<uint8_t> bytes;
  const protocol::FrameText input = read_input(arguments.input, bytes);
  if (!input.ok) return print(false, input.text, "decode");
  const protocol::FrameText decoded = protocol::decode_frame(bytes, options);
  return print(decoded.ok, decoded.text, "decode");
}

int run_messages(const MessagesArguments& arguments) {
  const protocol::MessageListText list = protocol::list_messages({arguments.names, arguments.version});
  return print(list.ok, list.text, "messages");
}

int run_dump_log(const DumpLogArguments& arguments) {
  using storage::DumpOptions;
  DumpOptions options;
  options.files = arguments.files;
  options.style = arguments.as_2_8 ? DumpOptions::Style::k2_8 : DumpOptions::Style::k4_3;
  options.decoder = arguments.offsets_decoder            ? DumpOptions::Decoder::kOffsets
                    : arguments.transaction_log_decoder  ? DumpOptions::Decoder::kTransactions
                    : arguments.cluster_metadata_decoder ? DumpOptions::Decoder::kMetadata
                                                         : DumpOptions::Decoder::kText;
  options.print_data = arguments.print_data_log;
  options.deep = arguments.deep_iteration;
  options.index_sanity_only = arguments.index_sanity_check;
  options.verify_index_only = arguments.verify_index_only;
  options.skip_record_metadata = arguments.skip_record_metadata;
  options.max_message_size = arguments.max_message_size;
  options.max_bytes = arguments.max_bytes;
  const auto write = [](std::FILE* to) {
    return [to](std::string_view line) {
      std::fwrite(line.data(), 1, line.size(), to);
      std::fputc('\n', to);
    };
  };
  const auto files = storage::posix_file_system();
  const int code = storage::dump_log(*files, options, {write(stdout), write(stderr)});
  // What could not be written (a full disk, a closed pipe) must not pass for a complete dump.
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0 ? code : 1;
}

}  // namespace ottla
