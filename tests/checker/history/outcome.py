# SPDX-License-Identifier: Apache-2.0
"""What an error says about whether the records were appended."""

# They prove that nothing was appended: CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, INVALID_TOPIC, RECORD_LIST_TOO_LARGE,
# NOT_ENOUGH_REPLICAS, TOPIC_AUTHORIZATION_FAILED, INVALID_RECORD.
DEFINITE = frozenset((2, 10, 17, 18, 19, 29, 87))
# Fencing and rights: the producer is told that it may not.
REFUSED = frozenset((31, 47, 53, 58, 65, 90))


def outcome(error, idempotent=True, tried_before=False):
    """ok, fail or info for a send that was answered with `error` (None: not answered at all). `tried_before`: an earlier
    attempt of the same records has an unknown end."""
    if error == 0:
        return "ok"
    if error is None or tried_before:
        return "info"
    # A client that is not idempotent may have sent them twice without knowing.
    return "fail" if error in DEFINITE or (idempotent and error in REFUSED) else "info"
