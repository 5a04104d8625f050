// SPDX-License-Identifier: Apache-2.0
#include "coordination/types.h"

#include <fmt/core.h>

namespace ottla::coordination {

std::string error_text(ZkError error) {
  switch (error) {
    case ZkError::kOk:
      return "ok";
    case ZkError::kSystemError:
      return "SystemError";
    case ZkError::kRuntimeInconsistency:
      return "RuntimeInconsistency";
    case ZkError::kDataInconsistency:
      return "DataInconsistency";
    case ZkError::kConnectionLoss:
      return "ConnectionLoss";
    case ZkError::kMarshallingError:
      return "MarshallingError";
    case ZkError::kUnimplemented:
      return "Unimplemented";
    case ZkError::kOperationTimeout:
      return "OperationTimeout";
    case ZkError::kBadArguments:
      return "BadArguments";
    case ZkError::kUnknownSession:
      return "UnknownSession";
    case ZkError::kNewConfigNoQuorum:
      return "NewConfigNoQuorum";
    case ZkError::kReconfigInProgress:
      return "ReconfigInProgress";
    case ZkError::kApiError:
      return "APIError";
    case ZkError::kNoNode:
      return "NoNode";
    case ZkError::kNoAuth:
      return "NoAuth";
    case ZkError::kBadVersion:
      return "BadVersion";
    case ZkError::kNoChildrenForEphemerals:
      return "NoChildrenForEphemerals";
    case ZkError::kNodeExists:
      return "NodeExists";
    case ZkError::kNotEmpty:
      return "NotEmpty";
    case ZkError::kSessionExpired:
      return "SessionExpired";
    case ZkError::kInvalidCallback:
      return "InvalidCallback";
    case ZkError::kInvalidAcl:
      return "InvalidACL";
    case ZkError::kAuthFailed:
      return "AuthFailed";
    case ZkError::kClosing:
      return "Closing";
    case ZkError::kNothing:
      return "Nothing";
    case ZkError::kSessionMoved:
      return "SessionMoved";
    case ZkError::kNotReadOnly:
      return "NotReadOnly";
    case ZkError::kEphemeralOnLocalSession:
      return "EphemeralOnLocalSession";
    case ZkError::kNoWatcher:
      return "NoWatcher";
    case ZkError::kRequestTimeout:
      return "RequestTimeout";
    case ZkError::kSessionClosedRequireSaslAuth:
      return "SessionClosedRequireAuth";
    case ZkError::kReconfigDisabled:
      return "ReconfigDisabled";
    case ZkError::kQuotaExceeded:
      return "QuotaExceeded";
    case ZkError::kThrottledOp:
      return "ThrottledOp";
  }
  return fmt::format("Error {}", static_cast<int32_t>(error));
}

}  // namespace ottla::coordination
