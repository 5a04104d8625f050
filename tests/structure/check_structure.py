#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the architecture: which folder may include which, where uv.h may stand, how large a file may be.

usage: check_structure.py ROOT {includes|sizes|paths}
"""
import re
import subprocess
import sys

# A folder may include itself and what stands here. The longest matching folder counts.
ALLOWED = {
    "protocol/base": [],
    "protocol/wire": ["protocol/base"],
    "protocol/tls": ["protocol/base", "protocol/wire"],
    "protocol/records": ["protocol/base", "protocol/wire"],
    "protocol/generator": ["protocol/base"],
    "protocol/json": ["protocol"],
    "storage/io": ["protocol"],
    "storage": ["protocol"],
    "coordination": ["protocol", "storage/io"],
    "broker/net": ["protocol", "coordination/server", "broker/metadata"],
    "broker/metadata": ["protocol"],
    "broker/config": ["protocol", "storage"],
    "broker/groups": ["protocol"],
    "broker/partitions": ["protocol", "storage", "broker/groups", "broker/metadata"],
    "broker/controller": ["protocol", "coordination", "broker/metadata"],
    "broker/apis": ["protocol", "storage", "broker/net", "broker/metadata", "broker/config", "broker/groups",
                    "broker/partitions", "broker/controller"],
    "broker/takeover": ["protocol", "storage", "coordination", "broker/controller"],
    "broker/program": ["protocol", "storage", "coordination", "broker"],
}
# Files that include a library which everybody else reaches through them.
ONLY_IN = {
    "uv.h": ["broker/net/uv_loop.cc"],
    "CLI/CLI.hpp": ["broker/program/command_line.cc"],
    "openssl/": ["protocol/tls/"],
    "spdlog/": ["protocol/base/log.cc"],
    "zookeeper/zookeeper.h": ["coordination/"],
}
MAX_LINES = 600
# What is larger today; the list may only shrink.
LARGER = {}

INCLUDE = re.compile(r'^\s*#include\s+["<]([^">]+)[">]', re.MULTILINE)
FOLDERS = ("protocol/", "storage/", "coordination/", "broker/")


def tracked(root, *patterns):
    out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", *patterns], capture_output=True, text=True, check=True)
    return sorted(set(out.stdout.split()))


def folder_of(path):
    matches = [folder for folder in ALLOWED if path.startswith(folder + "/")]
    return max(matches, key=len) if matches else None


def check_includes(root):
    problems = []
    for path in tracked(root, "*.h", "*.cc"):
        if not path.startswith(FOLDERS):
            continue
        folder = folder_of(path)
        if folder is None:
            problems.append(f"{path}: its folder has no row in the table of allowed includes")
            continue
        with open(f"{root}/{path}") as file:
            includes = INCLUDE.findall(file.read())
        for include in includes:
            if include.startswith(FOLDERS) and not include.startswith((folder + "/", *(one + "/" for one in ALLOWED[folder]))):
                if not (include.startswith("protocol/generated/") and any(one == "protocol" for one in ALLOWED[folder])):
                    problems.append(f"{path}: may not include {include}")
            for library, places in ONLY_IN.items():
                if (include == library or (library.endswith("/") and include.startswith(library))) and not path.startswith(tuple(places)):
                    problems.append(f"{path}: only {', '.join(places)} may include {include}")
    return problems


def check_sizes(root):
    problems = []
    for path in tracked(root, "*.h", "*.cc", "*.py"):
        with open(f"{root}/{path}") as file:
            lines = sum(1 for _ in file)
        limit = LARGER.get(path, MAX_LINES)
        if lines > limit:
            problems.append(f"{path}: {lines} lines, at most {limit}")
        elif path in LARGER and lines <= MAX_LINES:
            problems.append(f"{path}: shrunk to {lines} lines, take it off the list")
    return problems


def check_paths(root):
    """Every path that a comment or a document names exists; nothing is left for later."""
    problems = []
    named = re.compile(r"\b((?:protocol|storage|coordination|broker|tests|compat|scripts|config)/[\w./-]+\.(?:h|cc|py|md|json|cmake))\b")
    later = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    files = set(tracked(root))
    for path in tracked(root, "*.h", "*.cc", "*.md", "*.py", "scripts/*"):
        if path.endswith("check_structure.py"):
            continue
        with open(f"{root}/{path}") as file:
            text = file.read()
        for name in named.findall(text):
            generated = name.startswith(("protocol/generated/", "coordination/generated/")) or name.endswith(".inc")
            beside = any(other.endswith("/" + name) for other in files)
            if name not in files and not generated and not beside:
                problems.append(f"{path}: names {name}, which does not exist")
        if later.search(text):
            problems.append(f"{path}: something is left for later")
    return problems


def main():
    root, what = sys.argv[1], sys.argv[2]
    problems = {"includes": check_includes, "sizes": check_sizes, "paths": check_paths}[what](root)
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
