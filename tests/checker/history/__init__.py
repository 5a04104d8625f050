# SPDX-License-Identifier: Apache-2.0
"""Histories of what clients asked and were told, and what may never stand in one."""
