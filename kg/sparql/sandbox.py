"""Takes from a process what a query never needs: network, other programs, writing, and all but some memory.

Source: Linux prctl(2), seccomp(2), setrlimit(2); system call numbers from the kernel's tables.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 1, 38, 22, 2
_NICE = 10  # searches come before queries when both want the processor
_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
_X32 = 0x40000000  # calls of the x32 ABI bear this bit and would pass a filter of plain numbers
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_REFUSED = {
    # socket connect accept sendto recvfrom sendmsg recvmsg bind listen socketpair accept4 sendmmsg
    # fork vfork execve execveat ptrace process_vm_readv process_vm_writev io_uring_setup bpf
    # kill tkill tgkill mount
    "x86_64": (
        *(41, 42, 43, 44, 45, 46, 47, 49, 50, 53, 288, 307),
        *(57, 58, 59, 322, 101, 310, 311, 425, 321),
        *(62, 200, 165),
    ),
    "aarch64": (
        *(198, 203, 202, 206, 207, 211, 212, 200, 201, 199, 242, 269),
        *(221, 281, 117, 270, 271, 425, 280),
        *(129, 130, 40),
    ),
}
_FILES = {
    # unlink unlinkat rename renameat renameat2 mkdir rmdir link symlink truncate
    "x86_64": (87, 263, 82, 264, 316, 83, 84, 86, 88, 76),
    "aarch64": (35, 38, 276, 34, 37, 36, 45),
}


def limit(memory_bytes: int, file_bytes: int = 0) -> None:
    """Bounds this process: so much memory beyond what it has now, files up to a size, last in line for the processor.

    It dies with its parent.
    """
    bound = _address_space() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if platform.system() == "Linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _address_space() -> int:
    """Bytes of address space in use; a store maps files and starts threads, which reserve far more than they use."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return 2**30


def confine(*, files: bool = False) -> str:
    """Refuses network, programs and, unless `files` is given, changes of files. Says what confines the process now."""
    machine = platform.machine()
    if platform.system() != "Linux" or machine not in _ARCHITECTURES:
        return f"limits only: no filter of system calls is known for {platform.system()} on {machine}"
    refused = _REFUSED[machine] if files else (*_REFUSED[machine], *_FILES[machine])
    program = _program(_ARCHITECTURES[machine], refused, machine == "x86_64")
    code = ctypes.create_string_buffer(program)
    head = struct.pack("HL", len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, head, 0, 0) != 0:
        return f"limits only: the kernel refuses the filter of system calls ({os.strerror(ctypes.get_errno())})"
    return "seccomp and limits"


def _program(architecture: int, refused: tuple[int, ...], x32: bool) -> bytes:
    """Classic BPF: another architecture kills, a refused call gives EPERM, every other one passes."""
    lines = [(_LOAD, 0, 0, 4), (_JUMP_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    if x32:
        lines += [(_JUMP_ABOVE, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    for number in refused:
        lines += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    lines.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("HBBI", *line) for line in lines)
