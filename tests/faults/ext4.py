# SPDX-License-Identifier: Apache-2.0
"""An ext4 file system in a file, whose power can be cut: EXT4_IOC_SHUTDOWN without a flush of the journal."""
import errno
import fcntl
import os
import shutil
import struct
import subprocess

SHUTDOWN = 0x8004587D
WITHOUT_FLUSHING_THE_LOG = 2


def why_not():
    """Why this machine cannot have one; empty where it can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if not os.path.exists("/dev/loop-control"):
        return "there are no loop devices"
    if shutil.which("mkfs.ext4") is None:
        return "mkfs.ext4 is not installed (Debian: e2fsprogs)"
    return ""


class Disk:
    """with Disk(directory) as disk: `disk.path` is the mounted folder. OSError where the machine does not let us mount."""

    def __init__(self, directory, mebibytes=256, options=""):
        self.image = os.path.join(directory, "disk.img")
        self.path = os.path.join(directory, "disk")
        self.options = options
        os.makedirs(self.path)
        with open(self.image, "wb") as image:
            image.truncate(mebibytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", self.image], check=True)
        self.mounted = False

    def __enter__(self):
        self.mount()
        return self

    def __exit__(self, *_):
        if self.mounted:
            self.unmount()

    def mount(self):
        options = "loop" + ("," + self.options if self.options else "")
        done = subprocess.run(["mount", "-o", options, self.image, self.path], stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise OSError(errno.EPERM, done.stderr.decode().strip())
        self.mounted = True

    def unmount(self):
        subprocess.run(["umount", self.path], check=True)
        self.mounted = False

    def power_up(self):
        """After cut_power(), on what the disk has. From a copy: where another mount namespace still holds the old file system, mounting
        the same image would find that, dead as it is."""
        self.unmount()
        copy = self.image + ".copy"
        shutil.copyfile(self.image, copy)
        os.replace(copy, self.image)
        self.mount()

    def cut_power(self):
        """What is not on the disk now never will be; every call that needs the disk fails from here on."""
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(folder, SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING_THE_LOG))
        finally:
            os.close(folder)

    def sync(self):
        subprocess.run(["sync", "-f", self.path], check=True)

    def freeze(self, frozen):
        subprocess.run(["fsfreeze", "-f" if frozen else "-u", self.path], check=True)
