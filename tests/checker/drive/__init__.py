# SPDX-License-Identifier: Apache-2.0
"""Clients that drive a broker at random, and what happens to it meanwhile."""
