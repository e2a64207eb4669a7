# SPDX-License-Identifier: Apache-2.0
"""dh --with dbgvault: the package has symbols and no DWARF, its -dbgsym package stays right, and the store has it all."""
import glob
import os
import re
import shutil

import lib
from lib import case, equal, expect, matches, run

NEEDS = ['dh', 'dpkg-buildpackage', 'gcc', 'make', 'fakeroot']
PACKAGING = f'{lib.TOP}/packaging/debhelper'

SOURCE = {
    'src/add.c': 'int add(int a, int b)\n{\n\tint sum = a + b;\n\treturn sum;\n}\n',
    'src/main.c': '#include <stdio.h>\nint add(int, int);\nint main(int n, char **v)\n{\n\t(void)v;\n\treturn printf("%d\\n", add(n, 1)) < 0;\n}\n',
    'Makefile': '''
CFLAGS ?= -g
all: adder libadd.a libadd.so
%.o: src/%.c
	$(CC) $(CFLAGS) -g -fPIC -c -o $@ $<
adder: main.o add.o
	$(CC) $(LDFLAGS) -o $@ $^
libadd.a: add.o
	$(AR) rcs $@ $^
libadd.so: add.o
	$(CC) $(LDFLAGS) -shared -Wl,-soname,libadd.so -o $@ $^
install:
	install -D -m 755 adder $(DESTDIR)/usr/bin/adder
	install -D -m 644 libadd.a $(DESTDIR)/usr/lib/libadd.a
	install -D -m 644 libadd.so $(DESTDIR)/usr/lib/libadd.so
''',
    'debian/control': '''Source: adder
Section: utils
Priority: optional
Maintainer: Nobody <nobody@example.com>
Build-Depends: debhelper-compat (= 13)
Standards-Version: 4.6.2

Package: adder
Architecture: any
Depends: ${shlibs:Depends}, ${misc:Depends}
Description: adds one
 Nothing more.
''',
    'debian/changelog': 'adder (1.2-3) unstable; urgency=low\n\n  * Build.\n\n -- Nobody <nobody@example.com>  Tue, 24 Nov 2026 12:00:00 +0000\n',
    'debian/source/format': '3.0 (native)\n',
}


def build(work, rules='', name='tree', status=0, **variables):
    """Build the package; the folder that its .debs are in, and where they are unpacked."""
    tree = f'{work}/{name}/adder-1.2'
    for path, text in SOURCE.items():
        lib.write(f'{tree}/{path}', text)
    lib.write(f'{tree}/debian/rules', f'#!/usr/bin/make -f\n%:\n\tdh $@ --with dbgvault\n{rules}', 0o755)
    tools = f'{work}/tools'
    if not os.path.exists(tools):
        os.makedirs(tools)
        os.symlink(lib.DBGSPLIT, f'{tools}/dbgsplit')
        shutil.copy(f'{PACKAGING}/dh_dbgvault', tools)
        lib.write(f'{work}/perl/Debian/Debhelper/Sequence/dbgvault.pm', lib.read(f'{PACKAGING}/dbgvault.pm'))
    env = lib.clean_env(PATH=f'{tools}:{os.environ["PATH"]}', PERL5LIB=f'{work}/perl', HOME=work,
                        DEB_BUILD_OPTIONS=variables.pop('DEB_BUILD_OPTIONS', ''), **variables)
    done = run('dpkg-buildpackage', '-b', '-us', '-uc', '-d', '-rfakeroot', cwd=tree, env=env, status=status)
    for deb in glob.glob(f'{work}/{name}/*.deb'):
        run('dpkg-deb', '-x', deb, f'{work}/{name}/{os.path.basename(deb).split("_")[0]}')
    return f'{work}/{name}', done


def control_field(deb, field):
    return run('dpkg-deb', '-f', deb, field).text.strip()


def only(pattern):
    found = glob.glob(pattern)
    equal(len(found), 1, pattern)
    return found[0]


@case('with a store: symbols stay, -dbgsym is as dh_strip makes it, gdb has lines by either', needs=NEEDS + ['gdb'])
def with_store(work):
    store = lib.new_store(work)
    folder, _ = build(work, DBGVAULT_STORE=store)
    binary, library = f'{folder}/adder/usr/bin/adder', f'{folder}/adder/usr/lib/libadd.so'
    ids = sorted(lib.build_id(path) for path in (binary, library))
    for path in (binary, library):
        names = lib.section_names(path)
        expect('.symtab' in names and '.debug_info' not in names and '.gnu_debuglink' in names, f'{path}: {names}')
        matches(r' T add$', run('nm', path).text)
    equal(run(binary).text, '2\n')
    archive = f'{folder}/adder/usr/lib/libadd.a'
    matches(r' T add$', run('nm', archive).text)
    expect('.debug_info' not in run('readelf', '-SW', archive).text, 'the static library')

    dbgsym = only(f'{folder}/adder-dbgsym_*.deb')
    equal(sorted(control_field(dbgsym, 'Build-Ids').split()), ids, 'Build-Ids')
    equal(control_field(dbgsym, 'Auto-Built-Package'), 'debug-symbols')
    expect(os.path.islink(f'{folder}/adder-dbgsym/usr/share/doc/adder-dbgsym'), 'the documents are the package\'s own')
    files = sorted(re.sub('.*/.build-id/', '', path) for path in glob.glob(f'{folder}/adder-dbgsym/usr/lib/debug/.build-id/*/*'))
    equal(files, sorted(f'{i[:2]}/{i[2:]}.debug' for i in ids), 'debug files')
    shutil.rmtree(f'{folder}/adder-1.2')
    out = run('gdb', '-q', '-nx', '-batch', '-iex', f'set debug-file-directory {folder}/adder-dbgsym/usr/lib/debug',
              '-ex', 'break add', '-ex', 'run', '-ex', 'backtrace', binary).text
    matches(r'#0 +add \(a=1, b=.*1\) at src/add\.c:\d', out)

    listed = lib.dbgstore('info', f'--store={store}', '--json', lib.build_id(binary)).text
    matches(r'"package":"adder"', listed)
    matches(r'"version":"1\.2-3"', listed)
    matches(r'pkg:deb/[a-z]+/adder@1\.2-3\?arch=', listed)
    matches(r'"path":"usr/bin/adder"', listed)
    with lib.Server(store) as server:
        out = run('gdb', '-q', '-nx', '-batch', '-iex', 'set debuginfod enabled on', '-ex', 'break add', '-ex', 'run', '-ex', 'list 1,5',
                  binary, env=server.client_env(work)).text
    matches(r'^3\s+int sum = a \+ b;', out)


@case('--no-dbgsym: the store alone has it, and the package says its build IDs', needs=NEEDS)
def store_alone(work):
    store = lib.new_store(work)
    folder, _ = build(work, '\noverride_dh_dbgvault:\n\tdh_dbgvault --no-dbgsym\n', DBGVAULT_STORE=store)
    equal(glob.glob(f'{folder}/*dbgsym*.deb'), [], '-dbgsym packages')
    binary = f'{folder}/adder/usr/bin/adder'
    lib.dbgstore('find', f'--store={store}', binary)
    expect('.gnu_debuglink' not in lib.section_names(binary), 'a link to a debug file that is nowhere')
    expect(lib.build_id(binary) in control_field(only(f'{folder}/adder_*.deb'), 'Build-Ids'), 'Build-Ids')


@case('no store: -dbgsym alone; --no-dbgsym then fails; nostrip and noautodbgsym leave all; -X leaves what it names', needs=NEEDS)
def no_store(work):
    folder, _ = build(work, name='plain')
    binary = f'{folder}/adder/usr/bin/adder'
    expect('.debug_info' not in lib.section_names(binary), 'the program')
    equal(len(glob.glob(f'{folder}/adder-dbgsym/usr/lib/debug/.build-id/*/*.debug')), 2, 'debug files')

    _, done = build(work, '\noverride_dh_dbgvault:\n\tdh_dbgvault --no-dbgsym\n', name='refused', status=None)
    expect(done.status != 0, 'it would be nowhere')
    matches('would be nowhere', done.errors + done.text)

    for option in ('nostrip', 'noautodbgsym'):
        folder, _ = build(work, name=option, DEB_BUILD_OPTIONS=option)
        expect('.debug_info' in lib.section_names(f'{folder}/adder/usr/bin/adder'), option)

    folder, _ = build(work, '\noverride_dh_dbgvault:\n\tdh_dbgvault -Xlibadd\n', name='excluded')
    expect('.debug_info' in lib.section_names(f'{folder}/adder/usr/lib/libadd.so'), 'what -X names')
    expect('.debug_info' not in lib.section_names(f'{folder}/adder/usr/bin/adder'), 'the others')


@case('built twice, elsewhere, with other jobs and a store: the same packages', needs=NEEDS)
def reproducible(work):
    rules = '\nexport SOURCE_DATE_EPOCH = 1700000000\n'
    one, _ = build(work, rules, name='one')
    two, _ = build(work, rules, name='another', DEB_BUILD_OPTIONS='parallel=2', DBGVAULT_STORE=lib.new_store(work))
    debs = sorted(os.path.basename(path) for path in glob.glob(f'{one}/*.deb'))
    equal(len(debs), 2, 'packages')
    for deb in debs:
        equal(lib.read(f'{two}/{deb}'), lib.read(f'{one}/{deb}'), deb)


if __name__ == '__main__':
    lib.main()
