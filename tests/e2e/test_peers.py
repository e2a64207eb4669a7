#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What binutils, elfutils and LLVM test their strip and objcopy with, for dbgsplit.

Their sources come from Debian's source packages, into the folder that $DBGVAULT_PEERS names, or a temporary one.
"replay" runs their cases with dbgsplit behind the names strip and objcopy; the verdicts are held by the list
tests/peers/verdicts. "files" splits every ELF file that the suites have or make, and checks it as tests/corpus does.
"""
import bz2
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import lib
from lib import case, equal, expect

sys.path[:0] = [os.path.join(lib.TOP, 'tests', folder) for folder in ('corpus', 'peers')]
import checks  # noqa: E402  pylint: disable=wrong-import-position
import elfwriter  # noqa: E402  pylint: disable=wrong-import-position
import replay  # noqa: E402  pylint: disable=wrong-import-position
import shapes  # noqa: E402  pylint: disable=wrong-import-position

PEERS = os.environ.get('DBGVAULT_PEERS')
# package, what of it is unpacked
SUITES = {
    'binutils': ('binutils', ['*/binutils/testsuite/*']),
    'elfutils': ('elfutils', ['*/tests/*']),
    'llvm': ('llvm-toolchain-19', ['*/llvm/test/tools/llvm-objcopy/*']),
}
NEEDS = {'binutils': ['runtest', 'gcc', 'strip'], 'elfutils': ['eu-strip', 'gcc'], 'llvm': ['llvm-objcopy-19', 'yaml2obj-19']}


def fetch(folder, package):
    """The package's original source archive, by an apt configuration of our own."""
    os.makedirs(os.path.join(folder, 'lists/partial'), exist_ok=True)
    os.makedirs(os.path.join(folder, 'cache/archives/partial'), exist_ok=True)
    found = glob.glob(os.path.join(folder, package + '_*.orig.tar.*z*'))
    if found:
        return found[0]
    key = '/usr/share/keyrings/debian-archive-keyring.gpg'
    if not shutil.which('apt-get') or not os.path.exists(key):
        raise lib.Skip('no Debian here')
    lib.write(os.path.join(folder, 'sources.list'),
              f'deb-src [signed-by={key}] http://deb.debian.org/debian bookworm main\n')
    lib.write(os.path.join(folder, 'apt.conf'),
              f'Dir::Etc::SourceList "{folder}/sources.list";\nDir::Etc::SourceParts "/dev/null";\n'
              f'Dir::State::Lists "{folder}/lists";\nDir::Cache "{folder}/cache";\nAPT::Sandbox::User "root";\n')
    env = lib.clean_env(APT_CONFIG=os.path.join(folder, 'apt.conf'))
    for command in (['update'], ['source', '--download-only', '--only-source', package]):
        done = lib.run('apt-get', '-q', *command, env=env, cwd=folder, status=None, timeout=600)
        if done.status:
            raise lib.Skip(f'apt-get {command[0]}: {(done.errors.strip().splitlines() or ["no message"])[-1]}')
    return [f for f in glob.glob(os.path.join(folder, package + '_*.orig.tar.*z*')) if not f.endswith('.asc')][0]


_fetched = {}


def source_of(suite):
    if suite not in _fetched:
        folder = PEERS or tempfile.mkdtemp(prefix='dbgvault-peers.')
        package, wanted = SUITES[suite]
        archive = fetch(os.path.abspath(folder), package)
        place = os.path.join(os.path.abspath(folder), suite)
        if not os.path.exists(place):
            os.makedirs(place + '.new')
            lib.run('tar', 'xf', archive, '-C', place + '.new', '--wildcards', *wanted, timeout=600)
            os.rename(place + '.new', place)
        _fetched[suite] = os.path.join(place, os.listdir(place)[0])
    return _fetched[suite]


def forget():
    if not PEERS:
        for place in _fetched.values():
            shutil.rmtree(os.path.dirname(os.path.dirname(place)), ignore_errors=True)


# ---- replay ----

def listed_verdicts(suite):
    """{case: (verdict, reason)}"""
    listed = {}
    for line in lib.read(os.path.join(lib.TOP, 'tests/peers/verdicts')).decode().splitlines():
        if line and not line.startswith('#'):
            where, name, verdict, reason = (part.strip() for part in (line + ' | ').split(' | ')[:4])
            expect(verdict == 'same' or verdict == 'differs' and reason, f'verdicts: no reason: {line}')
            if where == suite:
                listed[name] = verdict
    return listed


def add_replay(suite):
    @case(f'replay: {suite}', needs=NEEDS[suite], long=True)
    def one(work):
        source, run = source_of(suite), getattr(replay, suite)
        os.makedirs('control')
        os.makedirs('ours')
        control = {name: passed for name, passed, _, _ in run(source, os.path.abspath('control'), None)}
        expect(sum(control.values()) * 10 > len(control) * 8, f'only {sum(control.values())} of {len(control)} cases '
                                                              'pass with the peer\'s own tool')
        got, said = {}, {}
        for name, passed, ours, text in run(source, os.path.abspath('ours'), lib.DBGSPLIT):
            if (ours or not passed) and control.get(name, True):
                got[name], said[name] = 'same' if passed else 'differs', text
        listed = listed_verdicts(suite)
        print(f'# {suite}: {len(control)} cases, {len(got)} of them ours: '
              f'{sum(v == "same" for v in got.values())} same, {sum(v != "same" for v in got.values())} differ', flush=True)
        changed = {name: (got.get(name), listed.get(name)) for name in sorted(set(got) | set(listed))
                   if got.get(name) != listed.get(name)}
        for name, (now, then) in changed.items():
            print(f'{suite} | {name} | {now}, listed {then}\n{said.get(name, "")}', file=sys.stderr)
        equal(changed, {}, 'verdicts (now, listed)')


# ---- files ----

def binutils_files(source, folder):
    tests = os.path.join(source, 'binutils/testsuite/binutils-all')
    for path in sorted(glob.glob(tests + '/**/*.[sS]', recursive=True)):
        made = os.path.join(folder, os.path.basename(path) + '.o')
        if lib.run('gcc', '-c', '-o', made, path, status=None).status == 0:
            yield made
    yield from packed_files(tests + '/**/*.bz2', folder)


def elfutils_files(source, folder):
    yield from packed_files(source + '/tests/*.bz2', folder)


def packed_files(pattern, folder):
    for path in sorted(glob.glob(pattern, recursive=True)):
        made = os.path.join(folder, os.path.basename(path)[:-4])
        lib.write(made, bz2.decompress(lib.read(path)))
        yield made


def llvm_files(source, folder):
    for path in sorted(glob.glob(source + '/llvm/test/tools/llvm-objcopy/ELF/*.test')):
        for number in range(1, 1 + len(re.findall(rb'^--- ', lib.read(path), re.M))):
            made = os.path.join(folder, f'{os.path.basename(path)}-{number}')
            if lib.run('yaml2obj-19', f'--docnum={number}', '-o', made, path, status=None).status == 0:
                yield made


# What a check says of a file that is as it should be, by the start of its name.
KNOWN = {
    'testfile10 lint': "its .dynsym, which is loaded, has symbols of the debug sections",
    'testfile12 lint': "its .dynsym, which is loaded, has symbols of the debug sections",
    'testfile58 symbols': 'the symbol of a group that left',
    'testfile-strtab.stripped symbols': 'the symbol of the old .gnu_debuglink, which was replaced',
    'strip-13rel.s.o sections': 'its relocations are cut, which elfcompare cannot read',
    'strip-13rela.s.o sections': 'its relocations are cut, which elfcompare cannot read',
}


def split_and_check(path, title):
    """('left' or 'split', the bad cells). Not joined again: a debug file of what has no loaded byte is known by
    nothing as one."""
    for name in ('stripped', 'debug'):
        if os.path.exists(name):
            os.unlink(name)
    before = lib.read(path)
    done = lib.dbgsplit('--sources=no', '--debug-file=debug', '-o', 'stripped', path, status=None)
    expect(done.status in (0, 1), f'{title}: exit status {done.status}: {done.errors}')
    equal(lib.read(path), before, title)
    if not os.path.exists('debug'):
        expect(done.status == 0 or not os.path.exists('stripped'), f'{title}: refused, and a file was written')
        return 'left', {}
    cells = checks.row(shapes.Shape(None, False, True), path, os.path.abspath('stripped'), os.path.abspath('debug'),
                       ('join', 'rejoin', 'verify'))
    return 'split', {k: v for k, v in cells.items() if v not in ('ok', '-') and f'{title} {k}' not in KNOWN}


def add_files(suite):
    @case(f'files: {suite}', needs=NEEDS[suite], long=True)
    def one(work):
        counts, bad = {'left': 0, 'split': 0}, {}
        os.makedirs('files')
        for path in globals()[suite + '_files'](source_of(suite), os.path.abspath('files')):
            data = lib.read(path)
            if data[:4] != b'\x7fELF':
                continue
            # As it is, and, for most have none, with debug information behind it.
            for more in (None, elfwriter.with_section_behind(data, b'.debug_str', b'behind\0')):
                if more:
                    lib.write(path, more)
                what, cells = split_and_check(path, os.path.basename(path))
                counts[what] += 1
                if cells:
                    bad[os.path.basename(path), bool(more)] = cells
        print(f'# {suite}: {counts["split"]} files split, {counts["left"]} left alone', flush=True)
        equal(bad, {}, 'bad cells')
        expect(counts['split'] > 50, f'only {counts["split"]} files were split')


for _suite in SUITES:
    add_replay(_suite)
    add_files(_suite)

if __name__ == '__main__':
    try:
        lib.main()
    finally:
        forget()
