# SPDX-License-Identifier: Apache-2.0
"""Helpers shared by the walkthrough and the scenario tests. Python 3.9 or later, standard library only."""
