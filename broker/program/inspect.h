// SPDX-License-Identifier: Apache-2.0
// `ottla decode` and `ottla messages`: the protocol for people who write clients; `ottla dump-log`: the files
// of a log directory. They touch no broker.
#pragma once

#include "broker/program/command_line.h"

namespace ottla {

// Prints to standard output, or one line that says what is wrong to standard error. Returns the exit code.
int run_decode(const DecodeArguments& arguments);
int run_messages(const MessagesArguments& arguments);
int run_dump_log(const DumpLogArguments& arguments);

}  // namespace ottla
