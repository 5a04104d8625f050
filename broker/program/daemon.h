// SPDX-License-Identifier: Apache-2.0
// What `-daemon` of the stock start scripts does: the program goes on in the background, detached from the
// terminal, its output in a file.
#pragma once

#include <string>

#include "protocol/base/status.h"

namespace ottla {

// Call before any thread or descriptor exists. The parent exits with 0; the child returns, its standard
// output and error in `directory`/`file_name`. `directory` is made where it misses. The error names the path.
Status go_to_background(const std::string& directory, const std::string& file_name);

}  // namespace ottla
