# SPDX-License-Identifier: Apache-2.0
"""What stands in a log directory, read by code of its own: nothing here comes from the broker."""
