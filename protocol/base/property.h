// SPDX-License-Identifier: Apache-2.0
// One entry of a .properties file, as the parser (broker/config/properties.h) hands it to whoever reads
// settings.
#pragma once

#include <string>

namespace ottla {

struct Property {
  std::string key;
  std::string value;
  // Where the entry starts, counted from 1; 0 for one that comes from the command line.
  int line = 0;
};

}  // namespace ottla
