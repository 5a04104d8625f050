// SPDX-License-Identifier: Apache-2.0
// The answer to a request that alters settings: one result per resource, sent when all are there.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/apis/config_resources.h"
#include "broker/apis/request.h"

namespace ottla {

// `Response`: AlterConfigsResponse or IncrementalAlterConfigsResponse, which have the same fields.
template <typename Response>
class AlteredResources {
 public:
  // Answers `asked`: with the sentence that `refuse_all(resource)` has for any of its resources, for all of
  // them; else with what `alter(resource, done)` finds for each.
  template <typename Asked, typename RefuseAll, typename Alter>
  static void run(Request& request, const Asked& asked, const RefuseAll& refuse_all, const Alter& alter) {
    const auto pending = std::make_shared<AlteredResources>();
    pending->responder_ = std::move(request.responder).share();
    std::map<std::pair<int8_t, std::string>, int> times;
    Status all;
    for (const auto& resource : asked.resources) {
      ++times[{resource.resource_type, std::string(resource.resource_name)}];
      pending->results_.push_back({resource.resource_type, std::string(resource.resource_name), {}});
      const std::string sentence = refuse_all(resource);
      if (!sentence.empty()) all = Status(ErrorCode::INVALID_REQUEST, sentence);
    }
    for (size_t i = 0; i < asked.resources.size(); ++i) {
      One& mine = pending->results_[i];
      if (!all.ok()) {
        mine.status = all;
      } else if (times[{mine.type, mine.name}] > 1) {
        mine.status = Status(ErrorCode::INVALID_REQUEST, "Each resource must appear at most once.");
      } else {
        ++pending->open_;
        alter(asked.resources[i], [pending, i](const Status& status) {
          pending->results_[i].status = status;
          pending->arrived();
        });
      }
    }
    pending->arrived();
  }

 private:
  struct One {
    int8_t type;
    std::string name;
    Status status;
  };

  void arrived() {
    if (--open_ > 0) return;
    Response response;
    for (const One& one : results_) {
      auto& result = response.responses.emplace_back();
      result.resource_type = one.type;
      result.resource_name = one.name;
      result.error_code = static_cast<int16_t>(one.status.code());
      result.error_message = std::nullopt;
      if (!one.status.ok()) result.error_message = one.status.message();
    }
    responder_->send(response);
  }

  std::shared_ptr<Responder> responder_;
  std::vector<One> results_;
  // Answers that are still to come, and the request itself until all are asked for.
  size_t open_ = 1;
};

}  // namespace ottla
