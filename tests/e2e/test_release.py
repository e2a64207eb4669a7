#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Releases: what is split before archives and checksums are made is in them; what is finished is not split in place."""
import hashlib
import json
import os
import shutil
import tarfile

import lib
from lib import case, equal, expect, matches, run


def digest(path):
    return hashlib.sha256(lib.read(path)).hexdigest()


def archive_all(project, version, paths):
    """What goreleaser does after its hooks: an archive of each binary, a checksum file, artifacts.json."""
    dist = os.path.join(project, 'dist')
    artifacts, sums = [], []
    for path in paths:
        target = os.path.basename(os.path.dirname(path))
        name = f'prog_{version}_{target}.tar.gz'
        with tarfile.open(os.path.join(dist, name), 'w:gz') as archive:
            archive.add(path, os.path.basename(path))
        artifacts += [{'name': os.path.basename(path), 'path': os.path.relpath(path, project), 'type': 'Binary'},
                      {'name': name, 'path': f'dist/{name}', 'type': 'Archive'}]
        sums.append(f'{digest(os.path.join(dist, name))}  {name}\n')
    lib.write(os.path.join(dist, f'prog_{version}_checksums.txt'), ''.join(sums))
    artifacts += [{'name': 'metadata.json', 'path': 'dist/metadata.json', 'type': 'Metadata'},
                  {'name': 'sums', 'path': f'dist/prog_{version}_checksums.txt', 'type': 'Checksum'}]
    lib.write(os.path.join(dist, 'artifacts.json'), json.dumps(artifacts))


@case('goreleaser: split in builds[].hooks.post, the archive has the split binary; Mach-O and PE pass with a line',
      needs=['go', 'sha256sum', 'tar'])
def hooks(work):
    store, paths = lib.new_store(work), []
    for system in ('linux', 'darwin', 'windows'):
        folder = os.path.join(work, 'project', 'dist', f'prog_{system}_amd64_v1')
        os.makedirs(folder)
        built = lib.go_program(os.path.join(work, system), env={'GOOS': system, 'CGO_ENABLED': '0'})
        paths.append(shutil.copy(built, os.path.join(folder, 'prog')))
        given = lib.read(paths[-1])
        done = lib.dbgsplit('-p', '--require-debug', '--package=prog', '--pkg-version=1.0', f'--store={store}', '--sources=no',
                            '--jobs=1', paths[-1])
        expect(system in ('linux',) or lib.read(paths[-1]) == given, f'{system}: changed')
        if system != 'linux':
            matches(r'prog: .*(Mach-O|PE)', done.text + done.errors)
    archive_all(os.path.join(work, 'project'), '1.0', paths)
    dist = os.path.join(work, 'project', 'dist')
    run('sha256sum', '-c', 'prog_1.0_checksums.txt', cwd=dist)
    run('tar', 'xf', os.path.join(dist, 'prog_1.0_prog_linux_amd64_v1.tar.gz'))
    expect('.debug_info' not in lib.section_names('prog') and '.symtab' in lib.section_names('prog'), 'not split')
    equal(run('./prog').text, 'HELLO DBGVAULT\n')
    matches(r'package +prog\n +version +1\.0$', lib.dbgstore('info', f'--store={store}', 'prog').text, 'package and version')


@case('a finished dist/ is not split in place: why, and what else', needs=['go', 'sha256sum'])
def finished(work):
    project, store = os.path.join(work, 'project'), lib.new_store(work)
    folder = os.path.join(project, 'dist', 'prog_linux_amd64_v1')
    os.makedirs(folder)
    path = shutil.copy(lib.go_program(os.path.join(work, 'tree')), os.path.join(folder, 'prog'))
    archive_all(project, '1.0', [path])
    given = lib.read(path)
    for args in ([path], ['--dry-run', path], [os.path.join(project, 'dist')], ['--debug-file=x.debug', path]):
        done = lib.dbgsplit(f'--store={store}', '--sources=no', *args, status=1)
        matches(r'dist/artifacts\.json speaks of it .*hooks\.post.*dbgstore add', done.errors)
        equal(lib.read(path), given, 'the file')
    run('sha256sum', '-c', 'prog_1.0_checksums.txt', cwd=os.path.join(project, 'dist'))
    equal(os.listdir(os.path.join(store, 'builds')), [], 'builds in the store')
    lib.dbgsplit(f'--store={store}', '--sources=no', '-o', 'split', path)
    expect('.debug_info' not in lib.section_names('split'), 'with -o')
    equal(lib.read(path), given, 'the file')
    lib.dbgstore('add', f'--store={store}', path)

    # `goreleaser build` makes nothing of it.
    artifacts = [a for a in json.loads(lib.read(os.path.join(project, 'dist', 'artifacts.json'))) if a['type'] == 'Binary']
    lib.write(os.path.join(project, 'dist', 'artifacts.json'), json.dumps(artifacts))
    os.chdir(project)
    lib.dbgsplit(f'--store={store}', '--sources=no', 'dist')
    expect('.debug_info' not in lib.section_names(path), 'not split')


@case('a checksum file that has the binary: GNU and BSD lines, beside it and above, and one that is out of date',
      needs=['gcc', 'sha256sum', 'sha1sum'])
def checksums(work):
    store = lib.new_store(work)
    path = lib.c_program(os.path.join(work, 'release', 'bin'))
    given = lib.read(path)
    above, beside = os.path.join(work, 'release'), os.path.join(work, 'release', 'bin')
    for where, name, line in ((above, 'SHA256SUMS', f'{digest(path)}  bin/prog\n'), (beside, 'prog.sha256', f'{digest(path)} *prog\n'),
                              (above, 'checksums.txt', f'# all\nSHA256 (./bin/prog) = {digest(path).upper()}\n'),
                              (beside, 'sha1sums', run('sha1sum', 'prog', cwd=beside).text)):
        listed = lib.write(os.path.join(where, name), line)
        done = lib.dbgsplit(f'--store={store}', '--sources=no', path, status=1)
        matches(rf'/{name} speaks of it', done.errors)
        equal(lib.read(path), given, 'the file')
        os.remove(listed)
    lib.write(os.path.join(above, 'SHA256SUMS'), f'{digest(path)}  other\n{"0" * 64}  bin/prog\n{digest(path)}  ../prog\n')
    lib.write(os.path.join(above, 'artifacts.json'), '{"no": ["list", {')
    lib.dbgsplit(f'--store={store}', '--sources=no', path)
    expect('.debug_info' not in lib.section_names(path), 'not split')


lib.main()
