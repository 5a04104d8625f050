// SPDX-License-Identifier: Apache-2.0
// The commands that a person types into the client port (org.apache.zookeeper.server.command): four letters
// instead of a frame's length, an answer in text, and the connection closes. Only those in
// 4lw.commands.whitelist are answered, srvr always.
#pragma once

#include <string>

namespace ottla::coordination {

class ServerCore;

// Those that ZooKeeper knows, whether allowed or not. None of them is a length that a frame may have.
bool is_four_letter_word(const std::string& word);
// REQUIRES: is_four_letter_word(word).
std::string answer_four_letter_word(ServerCore& core, const std::string& word);

}  // namespace ottla::coordination
