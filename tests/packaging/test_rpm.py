# SPDX-License-Identifier: Apache-2.0
"""rpmbuild with packaging/rpm: symbols stay, -debuginfo and -debugsource stay right, and the store has it all."""
import glob
import os
import shutil

import lib
from lib import case, equal, expect, matches, run

NEEDS = ['rpmbuild', 'find-debuginfo', 'eu-strip', 'gcc', 'cpio', 'rpm2cpio']
PACKAGING = f'{lib.TOP}/packaging/rpm'

ADD = 'int add(int a, int b)\n{\n\tint sum = a + b;\n\treturn sum;\n}\n'
MAIN = '#include <stdio.h>\nint add(int, int);\nint main(int n, char **v)\n{\n\t(void)v;\n\treturn printf("%d\\n", add(n, 1)) < 0;\n}\n'
SPEC = '''
Name: adder
Version: 1.2
Release: 3
Summary: Adds one
License: Apache-2.0
Source0: add.c
Source1: main.c
%{?debug_package}

%description
Nothing more.

%prep
%setup -q -c -T
cp %{SOURCE0} %{SOURCE1} .

%build
gcc -g -O1 -fno-inline -Wl,--build-id=sha1 -o adder main.c add.c
gcc -g -O1 -DSINGLE -Wl,--build-id=sha1 -o single main.c add.c
gcc -O1 -Wl,--build-id=sha1 -o bare main.c add.c

%install
install -D -m 755 adder %{buildroot}/usr/bin/adder
install -D -m 755 bare %{buildroot}/usr/bin/bare
ln %{buildroot}/usr/bin/adder %{buildroot}/usr/bin/adder2
install -D -m 755 single %{buildroot}/usr/bin/single

%files
/usr/bin/adder
/usr/bin/adder2
/usr/bin/bare
/usr/bin/single
'''


def build(work, store=None):
    """Build the package; the folder that it and its -debuginfo are unpacked in."""
    top = f'{work}/rpm'
    for folder in ('BUILD', 'BUILDROOT', 'RPMS', 'SOURCES', 'SPECS', 'tools', 'libexec/dbgvault'):
        os.makedirs(f'{top}/{folder}')
    lib.write(f'{top}/SOURCES/add.c', ADD)
    lib.write(f'{top}/SOURCES/main.c', MAIN)
    lib.write(f'{top}/SPECS/adder.spec', SPEC)
    os.symlink(lib.DBGSPLIT, f'{top}/tools/dbgsplit')
    shutil.copytree(f'{PACKAGING}/bin', f'{top}/libexec/dbgvault/bin')
    shutil.copy(f'{PACKAGING}/find-debuginfo', f'{top}/libexec/dbgvault')
    done = run('rpmbuild', '-bb', '-D', f'_topdir {top}', '-D', f'_libexecdir {top}/libexec',
               *(['-D', f'_dbgvault_store {store}'] if store else []),
               f'--load={PACKAGING}/macros.dbgvault', f'{top}/SPECS/adder.spec',
               env=lib.clean_env(HOME=work, PATH=f'{top}/tools:{os.environ["PATH"]}'))
    out = f'{work}/out'
    os.makedirs(out)
    packages = glob.glob(f'{top}/RPMS/*/*.rpm')
    expect(any('debuginfo' in p for p in packages), f'{packages}: no -debuginfo\n{done.text}{done.errors}')
    for package in packages:
        run('sh', '-c', f'rpm2cpio {package} | cpio -idm --quiet', cwd=out)
    shutil.rmtree(top)
    return out


@case('symbols stay, hard links too, gdb has lines from -debuginfo; the store has sources under the names of -debugsource',
      needs=NEEDS + ['gdb'])
def with_store(work):
    store = lib.new_store(work)
    out = build(work, store)
    binary = f'{out}/usr/bin/adder'
    names = lib.section_names(binary)
    expect('.symtab' in names and '.debug_info' not in names and '.comment' not in names, names)
    matches(r' T add$', run('nm', binary).text)
    equal(run(binary).text, '2\n')
    equal(lib.read(f'{out}/usr/bin/adder2'), lib.read(binary), 'the other name')
    names = lib.section_names(f'{out}/usr/bin/single')
    expect('.symtab' in names and '.debug_info' not in names, f'a program with one name: {names}')
    expect('.symtab' in lib.section_names(f'{out}/usr/bin/bare'), 'a program without debug information')
    debug = {os.path.basename(p).split('-')[0].split('.')[0] for p in glob.glob(f'{out}/usr/lib/debug/usr/bin/*.debug')}
    expect({'single', 'bare'} < debug and debug & {'adder', 'adder2'}, f'debug files: {debug}')
    shown = run('gdb', '-q', '-nx', '-batch', '-iex', f'set debug-file-directory {out}/usr/lib/debug',
                '-iex', f'set substitute-path /usr/src/debug {out}/usr/src/debug', '-ex', 'break add', '-ex', 'run', '-ex', 'backtrace', binary).text
    matches(r'#0 +add \(a=1, b=.*1\) at .*add\.c:\d', shown)
    info = lib.dbgstore('info', f'--store={store}', '--json', lib.build_id(binary)).text
    for text in ('"package":"adder"', '"version":"1.2-3"', '"path":"usr/bin/adder'):
        expect(text in info, f'{text} in {info}')
    with lib.Server(store) as server:
        shown = run('gdb', '-q', '-nx', '-batch', '-iex', 'set debuginfod enabled on', '-ex', 'break add', '-ex', 'run', '-ex', 'list',
                    binary, env=server.client_env(work)).text
    matches(r'^3\s+int sum = a \+ b;', shown)


@case('without a store: -debuginfo alone', needs=NEEDS)
def no_store(work):
    out = build(work)
    names = lib.section_names(f'{out}/usr/bin/adder')
    expect('.symtab' in names and '.debug_info' not in names, names)
    expect(glob.glob(f'{out}/usr/lib/debug/usr/bin/adder*.debug'), 'the debug file')


if __name__ == '__main__':
    lib.main()
