# SPDX-License-Identifier: Apache-2.0
"""Makes `compat` importable for the scenario scripts, wherever they are started from."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
