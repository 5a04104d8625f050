# SPDX-License-Identifier: Apache-2.0
"""The steps of the walkthrough, one module per theme, one function per lane."""
