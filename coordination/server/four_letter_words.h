// SPDX-License-Identifier: Apache-2.0
// The commands that a person types into the client port (org.apache.zookeeper.server.command): four letters
// instead of a frame's length, an answer in text, and the connection closes. Only those in
// 4lw.commands.whitelist are answered, srvr always.
#pragma once

#include <string>

#include "protocol/wire/reader.h"

namespace ottla::coordination {

class ServerCore;

// What clients that look at the version (Kafka's own tools, kazoo) are told: the ZooKeeper this behaves as.
inline constexpr const char* kServerVersion = "3.8.0-ottla, built as part of Ottla";

// "Environment:" and lines of key=value.
std::string environment_text(ServerCore& core);
// Those that ZooKeeper knows, whether allowed or not. None of them is a length that a frame may have.
bool is_four_letter_word(const std::string& word);
// REQUIRES: is_four_letter_word(word); `argument` is what stands behind it (stmk: eight bytes of mask).
std::string answer_four_letter_word(ServerCore& core, const std::string& word, Bytes argument);

}  // namespace ottla::coordination
