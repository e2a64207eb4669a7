# SPDX-License-Identifier: Apache-2.0
"""Failing system calls, one after another: what the fault tests share, over the end-to-end tests' lib."""
import collections
import os
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'e2e'))
import lib  # pylint: disable=wrong-import-position

# In memory where that is possible: syncing is what takes the time, and it is not what fails here.
if os.access('/dev/shm', os.W_OK) and 'TMPDIR' not in os.environ:
    tempfile.tempdir = '/dev/shm'

# What changes files or makes changes last, and the error that fits.
NO_SPACE = ('write', 'writev', 'pwrite64', 'pwritev', 'ftruncate', 'fallocate', 'copy_file_range', 'sendfile',
            'mkdir', 'mkdirat', 'link', 'linkat', 'symlinkat', 'rename', 'renameat', 'renameat2', 'fsetxattr')
BROKEN_DISK = ('fsync', 'fdatasync', 'unlink', 'unlinkat')
NOT_ALLOWED = ('fchmod', 'fchmodat', 'fchown', 'fchownat', 'utimensat')
ERRORS = {**{c: 'ENOSPC' for c in NO_SPACE}, **{c: 'EIO' for c in BROKEN_DISK}, **{c: 'EPERM' for c in NOT_ALLOWED}}

MANY = 8

Fault = collections.namedtuple('Fault', 'call how number')


def need_injection():
    """Skip, loudly, where strace cannot do it: no ptrace, a kernel or an architecture that it does not know."""
    probe = subprocess.run(['strace', '-f', '-o', '/dev/null', '-e', 'inject=write:error=ENOSPC:when=1', 'echo', 'x'],
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if b'No space left' not in probe.stderr:
        raise lib.Skip(f'strace cannot inject faults here: {probe.stderr.decode(errors="replace").strip()[:200]}')


def count_calls(command, work):
    """How often each of those calls is made by a run that nothing disturbs; the most of one thread, as when=N counts."""
    trace = os.path.join(work, 'trace')
    lib.run('strace', '-f', '-qq', '-o', trace, '-e', 'trace=' + ','.join(f'?{c}' for c in ERRORS), *command)
    each = collections.Counter(re.findall(r'^(\d+) +(\w+)\(', lib.read(trace).decode(errors='replace'), re.M))
    most = collections.Counter()
    for (_, call), n in each.items():
        most[call] = max(most[call], n)
    return most


def store_files(store):
    """Folders and files of a store with their bytes; not the catalog, which is derived and keeps its own order,
    and not tmp, where a name stays if unlinking it is what failed."""
    found = {}
    for folder, folders, files in os.walk(store):
        if folder == store:
            folders[:] = [f for f in folders if f not in ('catalog', 'tmp')]
        found.update({os.path.relpath(os.path.join(folder, f), store): None for f in folders})
        found.update({os.path.relpath(os.path.join(folder, f), store): lib.read(os.path.join(folder, f)) for f in files})
    return found


def expect_untouched(store, before, build_id):
    """After a failure the store is as it was, unless the act had come as far as the build's record."""
    now = store_files(store)
    record = os.path.join('builds', build_id[:2], build_id) + os.sep
    if any(name.startswith(record) for name in now):
        return False
    expect_same = sorted(set(now.items()) ^ set(before.items()), key=lambda item: item[0])
    lib.expect(not expect_same, f'the store is not as it was: {[(n, n in now) for n, _ in expect_same]}')
    return True


def chosen_numbers(n):
    """All of 1 to n, if DBGVAULT_FAULTS=all; else, of many alike, first and last and some between."""
    if os.environ.get('DBGVAULT_FAULTS') == 'all' or n <= MANY:
        return range(1, n + 1)
    return sorted({1 + i * (n - 1) // (MANY - 1) for i in range(MANY)})


def every_fault(command, work):
    """Each call failing once, and the process killed before each."""
    for call, n in sorted(count_calls(command, work).items()):
        for number in chosen_numbers(n):
            yield Fault(call, f'error={ERRORS[call]}', number)
            yield Fault(call, 'signal=SIGKILL', number)


def run_with(fault, command):
    """The exit status (negative: a signal's number) and stderr of a command under one fault."""
    done = subprocess.run(['strace', '-f', '-qq', '-o', '/dev/null', '-e', f'trace={fault.call}', '-e',
                           f'inject={fault.call}:{fault.how}:when={fault.number}', *map(str, command)],
                          env=lib.clean_env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, check=False)
    errors = done.stderr.decode(errors='replace')
    expected = (0, 1, 2, 3, -signal.SIGKILL) if 'SIGKILL' in fault.how else (0, 1)
    lib.expect(done.returncode in expected, f'{fault}: exit status {done.returncode}\n{errors}')
    return done.returncode, errors
