# SPDX-License-Identifier: Apache-2.0
"""Copies of a partition on several brokers: equal, byte by byte, as far as all of them promise it."""
import os

from crc32c import crc32c

from .batches import Damage, batches
from .segment import mapped


def _batch_images(path, limit):
    """{base offset: checksum of all its bytes} of the batches below `limit`."""
    images = {}
    for name in sorted(os.listdir(path)):
        if not name.endswith(".log"):
            continue
        content = mapped(os.path.join(path, name))
        try:
            for batch in batches(content):
                if batch.last < limit:
                    images[batch.base] = crc32c(content[batch.position:batch.end])
        except Damage:  # a torn tail lies behind what is promised, or the batches there will be missed
            pass
    return images


def compare(copies):
    """`copies`: [(path of the partition's directory, its high watermark)]. The problems, in words."""
    limit = min(watermark for _, watermark in copies)
    images = [_batch_images(path, limit) for path, _ in copies]
    # Retention may have come further on one than on another.
    start = max(min(image, default=limit) for image in images)
    problems = []
    for (path, _), image in list(zip(copies, images))[1:]:
        differs = [base for base in sorted(set(images[0]) | set(image))
                   if base >= start and images[0].get(base) != image.get(base)]
        if differs:
            problems.append(f"{path}: the batch at offset {differs[0]} is not that in {copies[0][0]}")
    return problems
