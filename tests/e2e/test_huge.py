#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""More than 4 GiB of debug sections: sizes and offsets need 64 bits. The fixture is sparse."""
import contextlib
import os
import re
import subprocess
import sys
import time

import lib
from lib import case, equal, expect, run

sys.path.insert(0, os.path.join(lib.TOP, 'tests', 'corpus'))
import elfwriter  # noqa: E402  pylint: disable=wrong-import-position

HOLE = (4 << 30) + 4096
BEHIND = b'what is behind four gibibytes\0' * 100
SPACE = 24 << 30


def fixture(path):
    """A program with a section of zeros, HOLE bytes, and one with text behind it; debug sections both."""
    lib.c_program('.', path)
    w = elfwriter.Writer(path)
    hole, behind = w.add('.debug_hole', 1), w.add('.debug_behind', 1, BEHIND)
    w.save(path)
    with open(path, 'r+b') as f:
        end = os.path.getsize(path)
        f.truncate(end + HOLE)
        f.seek(end + HOLE)
        f.write(BEHIND)
        for index, offset, size in ((hole, end, HOLE), (behind, end + HOLE, len(BEHIND))):
            f.seek(w.ehdr[6] + 64 * index + 24)
            f.write(offset.to_bytes(8, 'little') + size.to_bytes(8, 'little'))
    expect(os.stat(path).st_blocks * 512 < 64 << 20, 'the file system keeps no holes')
    return path


def section(path, name):
    """(offset, size) as readelf has them."""
    text = run('readelf', '-SW', path).text
    found = re.search(r'\] ' + re.escape(name) + r' +PROGBITS +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+) ', text)
    expect(found, f'{path} has no {name}')
    return tuple(int(number, 16) for number in found.groups())


def check_debug(path):
    equal(section(path, '.debug_hole')[1], HOLE, 'size')
    offset, size = section(path, '.debug_behind')
    expect(offset > 1 << 32, f'.debug_behind at {offset}')
    with open(path, 'rb') as f:
        f.seek(offset)
        equal(f.read(size), BEHIND, '.debug_behind')


def check_stripped(path):
    expect(os.path.getsize(path) < 1 << 20, f'{os.path.getsize(path)} bytes')
    names = lib.section_names(path)
    expect('.debug_hole' not in names and '.debug_info' not in names and '.symtab' in names, names)
    run(os.path.abspath(path))


def peak_anonymous(*command):
    """Of a command that succeeds; mapped file pages do not count."""
    peak = 0
    with subprocess.Popen(command, env=lib.clean_env(), stdin=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with contextlib.suppress(OSError, AttributeError):
                with open(f'/proc/{process.pid}/status', encoding='ascii', errors='replace') as f:
                    peak = max(peak, 1024 * int(re.search(r'^RssAnon:\s+(\d+)', f.read(), re.M).group(1)))
            time.sleep(0.02)
    equal(process.returncode, 0, 'exit status')
    return peak


@case('over 4 GiB of debug sections: into a file, and into a store in 64 MiB of memory', needs=['gcc', 'readelf'], long=True)
def huge(work):
    free = os.statvfs('.')
    if free.f_bavail * free.f_frsize < SPACE:
        raise lib.Skip('24 GB of free disk are needed')
    fixture('prog')
    lib.dbgsplit('--sources=no', '--debug-file=prog.debug', '-o', 'stripped', 'prog', timeout=1800)
    check_stripped('stripped')
    check_debug('prog.debug')
    os.unlink('prog.debug')
    store = lib.new_store(work)
    peak = peak_anonymous(lib.DBGSPLIT, '--sources=no', f'--store={store}', 'prog')
    print(f'# {peak >> 20} MiB of anonymous memory', flush=True)
    expect(0 < peak <= 64 << 20, f'{peak} bytes of anonymous memory')
    check_stripped('prog')
    lib.dbgstore('verify', f'--store={store}', timeout=1800)
    lib.dbgstore('get', f'--store={store}', '-o', 'got', lib.build_id('prog'), 'debuginfo', timeout=1800)
    check_debug('got')


if __name__ == '__main__':
    lib.main()
