// SPDX-License-Identifier: Apache-2.0
// The rules that specs must keep beyond being well-formed, so that the emitters need not doubt what they
// read.
#pragma once

#include <string>
#include <vector>

#include "protocol/generator/spec.h"

namespace ottla::generator {

// Checks one spec: types exist and are used, structures are defined once and are not recursive, version
// ranges meet, tags are unique and only in flexible versions, defaults fit their types, only what can be null
// is nullable.
void check_message(const Message& message, std::vector<std::string>& errors);

// check_message for each, and what holds between them: names and keys are unique, every response has its
// request, the file is named after the message.
void check_messages(const std::vector<Message>& messages, std::vector<std::string>& errors);

}  // namespace ottla::generator
