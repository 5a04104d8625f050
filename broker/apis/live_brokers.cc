// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/live_brokers.h"

namespace ottla {
namespace {

std::vector<int32_t> chosen(const MetadataCache& metadata, const std::vector<int32_t>& ids,
                            std::string_view listener, bool live) {
  std::vector<int32_t> out;
  for (const int32_t id : ids) {
    if ((live_endpoint(metadata, id, listener) != nullptr) == live) out.push_back(id);
  }
  return out;
}

}  // namespace

const Endpoint* live_endpoint(const MetadataCache& metadata, int32_t id, std::string_view listener) {
  const auto broker = metadata.brokers.find(id);
  return broker == metadata.brokers.end() ? nullptr : broker->second.endpoint(listener);
}

std::vector<int32_t> reachable(const MetadataCache& metadata, const std::vector<int32_t>& ids,
                               std::string_view listener) {
  return chosen(metadata, ids, listener, true);
}

std::vector<int32_t> unreachable(const MetadataCache& metadata, const std::vector<int32_t>& ids,
                                 std::string_view listener) {
  return chosen(metadata, ids, listener, false);
}

}  // namespace ottla
