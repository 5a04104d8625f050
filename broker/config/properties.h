// SPDX-License-Identifier: Apache-2.0
// Java's .properties format (java.util.Properties.load), as server.properties and zookeeper.properties are
// written in it.
//
// Comments start with # or !, a line that ends in an odd number of backslashes goes on in the next one, key
// and value are separated by =, : or blanks, and \t \n \r \f \uXXXX and \<any> are escapes. Unlike Java's,
// bytes above 127 are kept as they are (UTF-8), and blanks at the end of a value are dropped, as every reader
// of a Kafka setting does later anyway.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/property.h"
#include "protocol/base/status.h"

namespace ottla::config {

struct PropertyFile {
  std::string name;
  // In the order of the file; a key may be there more than once, the last one counts.
  std::vector<Property> properties;
};

// INVALID_CONFIG with "name:line: ..." for a malformed \u escape or a NUL byte (not a text file).
Result<PropertyFile> parse_properties(std::string name, std::string_view text);

// The same from a file; also fails where it cannot be read, is a directory, or is larger than 16 MiB.
Result<PropertyFile> read_properties(const std::string& path);

}  // namespace ottla::config
