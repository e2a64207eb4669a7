#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbgcheck --vulndb on programs of the world, each built in every way, against govulncheck with the whole database that
$DBGVAULT_VULNDB names (a folder, or a zip). Sources come from the Go module proxy."""
import os
import zipfile

import lib
import vulns
from lib import Skip, case, dbgsplit, equal, expect, run

PROGRAMS = [  # package, version, toolchain ('': the one that is there)
    ('github.com/rakyll/hey', 'v0.1.4', ''),
    ('github.com/junegunn/fzf', 'v0.54.0', ''),
    ('filippo.io/age/cmd/age', 'v1.1.1', ''),
    ('mvdan.cc/gofumpt', 'v0.5.0', ''),
    ('github.com/tsenart/vegeta/v12', 'v12.11.0', ''),
    ('github.com/google/go-containerregistry/cmd/crane', 'v0.15.2', ''),
    ('github.com/mikefarah/yq/v4', 'v4.40.5', ''),
    ('github.com/prometheus/node_exporter', 'v1.6.1', ''),
    ('github.com/restic/restic/cmd/restic', 'v0.16.0', ''),
    ('github.com/coredns/coredns', 'v1.11.1', 'go1.21.13'),
]
VARIANTS = {
    'default': (),
    '-w': ('-ldflags=-w',),
    '-s': ('-ldflags=-s',),
    '-trimpath': ('-trimpath',),
    'PIE': ('-buildmode=pie',),
}


def whole_database(work):
    path = os.environ.get('DBGVAULT_VULNDB')
    if not path:
        raise Skip('$DBGVAULT_VULNDB names no vulnerability database')
    if os.path.isdir(path):
        return path
    folder = os.path.join(work, 'db')
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def build(work, package, version, toolchain, flags):
    # A test program's own folder, so that nothing of a module around it counts; the caches are the user's.
    out = os.path.join(work, 'bin')
    env = lib.clean_env(GOBIN=out, GOFLAGS='', **({'GOTOOLCHAIN': toolchain} if toolchain else {}))
    done = run('go', 'install', *flags, f'{package}@{version}', env=env, status=None, timeout=3000)
    if done.status and any(word in done.errors for word in ('dial tcp', 'no such host', '403 Forbidden', 'i/o timeout', 'verifying module')):
        raise Skip(f'{package} cannot be had: {done.errors.strip().splitlines()[-1]}')
    expect(done.status == 0, done.errors)
    return os.path.join(out, os.listdir(out)[0])


def is_gap(name, package, symbol):
    """What govulncheck cannot see: inlined functions of packages whose path begins with "go.", which it takes for the
    compiler's own."""
    return package.startswith('go.')


for package_, version_, toolchain_ in PROGRAMS:
    @case(f'{package_}@{version_}: found as govulncheck finds it, in every kind of build', needs=['go', 'govulncheck'], long=True)
    def program(work, package=package_, version=version_, toolchain=toolchain_):
        database = whole_database(work)
        first = None
        for name, flags in VARIANTS.items():
            path = build(work, package, version, toolchain, flags)
            line = vulns.triage(path, database)
            expect(line['functions_read'], f'{name}: {line.get("reason")}')
            if name == '-s':
                # Without symbols govulncheck takes all to be there; we say what it says of the whole file.
                judged = first
            else:
                judged = vulns.govulncheck(path, database)
            first = first or judged
            more = vulns.agree(line, judged, is_gap)
            print(f'# {name}: {len(judged)} findings of govulncheck, {line["counts"]}, beyond it {len(more)}', flush=True)
            if name == 'default':
                dbgsplit(f'--store={lib.new_store(work)}', '--build-id=add', path)
                split = vulns.triage(path, database)
                equal((split['vulnerabilities'], split['counts']), (line['vulnerabilities'], line['counts']), 'split')
            os.remove(path)


if __name__ == '__main__':
    lib.main()
