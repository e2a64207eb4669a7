# SPDX-License-Identifier: Apache-2.0
"""Distributions' rebuilders compare: what is split from the same bytes is the same, in every release, unless NEWS says so."""
import hashlib
import os
import sys

import lib
from lib import case, equal, expect

sys.path.insert(0, f'{lib.TOP}/tests/corpus')
import golden  # noqa: E402  pylint: disable=wrong-import-position

LIST = f'{lib.TOP}/tests/corpus/golden.txt'


def digest(data):
    return hashlib.sha256(data).hexdigest()


def split(name, folder, *options, umask=0o022, env=None):
    """The input's, the stripped image's, the debug file's and the stored debug image's digests."""
    os.makedirs(folder)
    path = lib.write(f'{folder}/{name}', golden.SHAPES[name])
    old = os.umask(umask)
    try:
        lib.dbgsplit('-q', f'--debug-file={folder}/debug', '-o', f'{folder}/out', '--sources=no', *options, path, env=env)
    finally:
        os.umask(old)
    return ' '.join([name, digest(golden.SHAPES[name]), digest(lib.read(f'{folder}/out')), digest(lib.read(f'{folder}/debug'))])


@case('the golden list: stripped images and debug files are those of every release before')
def golden_list(work):
    lines = [split(name, f'{work}/{name}') for name in golden.SHAPES]
    with open(LIST, encoding='ascii') as file:
        wanted = [line.rstrip('\n') for line in file if not line.startswith('#')]
    lib.write('golden.txt', '\n'.join(lines) + '\n')
    changed = [line for line in lines if line not in wanted]
    if changed or len(lines) != len(wanted):
        print('\n'.join(f'# {line}' for line in lines))
    equal(changed, [], 'images that changed: a rebuilder sees it, so NEWS has to say it, and the list has to be made anew')
    equal(len(lines), len(wanted), 'shapes in the list')
    with open(f'{lib.TOP}/NEWS', encoding='utf-8') as file:
        expect(digest('\n'.join(wanted).encode())[:16] in file.read(), 'NEWS does not name this list')


@case('the same whatever the store, the folder, the umask, the jobs, the level and the environment')
def same_everywhere(work):
    for name in ('x86-64-pie', 's390x-compressed', 'x86-64-object'):
        first = split(name, f'{work}/one')
        store = ['--discard-debug'] if 'object' in name else [f'--store={lib.new_store(work, name)}', '--level=9']
        second = split(name, f'{work}/a much/longer folder', '--jobs=1', *store, umask=0o077,
                       env=lib.clean_env(TZ='Asia/Tokyo', SOURCE_DATE_EPOCH='1', HOME=work, LANG='C'))
        equal(second, first, name)
        os.rename(f'{work}/one', f'{work}/{name}.done')
        os.rename(f'{work}/a much', f'{work}/{name}.second')


if __name__ == '__main__':
    lib.main()
