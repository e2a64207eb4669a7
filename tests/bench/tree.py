# SPDX-License-Identifier: Apache-2.0
"""A tree of many ELF files, and the ways that packagers split one, for tests/bench/run."""
import os
import shutil
import subprocess

N_FILES = 300

# One of ten is a C++ program with templates, about ten times as large as one of C.
C_SOURCE = '''#include <stdio.h>
#include <string.h>
struct item_{n} {{ int key; const char *text; struct item_{n} *next; }};
static int length_{n}(const struct item_{n} *i) {{ int n = 0; for (; i; i = i->next) n += (int)strlen(i->text); return n; }}
int main(int argc, char **argv)
{{
	struct item_{n} items[{m}];
	for (int i = 0; i < {m}; i++)
		items[i] = (struct item_{n}){{ i + argc, argv[0], i ? &items[i - 1] : NULL }};
	printf("%d\\n", length_{n}(&items[{m} - 1]));
	return 0;
}}
'''
CXX_SOURCE = '''#include <iostream>
#include <map>
#include <string>
#include <vector>
struct item_{n} {{ std::string name; std::vector<std::map<int, std::string>> parts; }};
int main(int argc, char **argv)
{{
	std::map<std::string, item_{n}> all;
	for (int i = 0; i < argc + {m}; i++)
		all[std::string(argv[0]) + std::to_string(i)] = {{ argv[0], {{ {{ {{ i, "x" }} }} }} }};
	std::cout << all.size() << "\\n";
}}
'''


def make(folder):
    """The tree, in usr/bin below `folder`."""
    place = os.path.join(folder, 'usr/bin')
    if os.path.exists(place):
        return folder
    os.makedirs(place + '.new')
    for n in range(N_FILES):
        cxx = n % 10 == 0
        source = (CXX_SOURCE if cxx else C_SOURCE).format(n=n, m=2 + n % 7)
        subprocess.run(['g++' if cxx else 'gcc', '-x', 'c++' if cxx else 'c', '-g', '-O1', '-Wl,--build-id', '-o',
                        os.path.join(place + '.new', f'program-{n}'), '-'], input=source.encode(), check=True)
    os.rename(place + '.new', place)
    return folder


def debian(folder, tree):
    """A source package around a copy of the tree, for dh_strip."""
    os.makedirs(os.path.join(folder, 'debian'))
    files = {'control': 'Source: many\nMaintainer: Nobody <nobody@example.com>\nBuild-Depends: debhelper-compat (= 13)\n\n'
                        'Package: many\nArchitecture: any\nDescription: many files\n Many.\n',
             'changelog': 'many (1) unstable; urgency=low\n\n  * One.\n\n'
                          ' -- Nobody <nobody@example.com>  Thu, 01 Jan 1970 00:00:00 +0000\n'}
    for name, text in files.items():
        with open(os.path.join(folder, 'debian', name), 'w', encoding='ascii') as f:
            f.write(text)
    shutil.copytree(tree, os.path.join(folder, 'debian/many'))


def peers(make_peer, build, tree, folder):
    """A list of peers, the first of which is dbgsplit into a store. Each splits a fresh copy of the tree in place."""
    copy, store, dbg, package = (os.path.join(folder, name) for name in ('copy', 'store', 'dbg', 'package'))
    floor_out = os.path.join(folder, 'floor-out')
    dbgsplit, dbgstore = (os.path.join(build, name) for name in ('split/dbgsplit', 'store/dbgstore'))
    files = f'{copy}/usr/bin/*'

    def fresh():
        for path in (copy, store, dbg, package):
            shutil.rmtree(path, ignore_errors=True)
        for path in (floor_out, floor_out + '.rest'):
            if os.path.exists(path):
                os.unlink(path)
        shutil.copytree(tree, copy)

    def with_store():
        fresh()
        subprocess.run([dbgstore, 'init', f'--store={store}', '-q'], check=True, stdout=subprocess.DEVNULL)

    def with_folder():
        fresh()
        os.makedirs(dbg)

    def with_package():
        fresh()
        debian(package, tree)

    def shell(text):
        return ['/bin/sh', '-c', text]

    def loop(text):
        return shell(f'for f in {files}; do {text} || exit 1; done')

    common = ['--sources=no', '--min-free=0', '-q']
    return [
        make_peer('dbgsplit, debug only', [], [dbgsplit, f'--store={store}', *common, '--executable=no', copy],
                  with_store, [store]),
        make_peer('dbgsplit, debug and executable', [], [dbgsplit, f'--store={store}', *common, copy], with_store, [store]),
        make_peer('dbgsplit, --debug-dir', [], [dbgsplit, f'--debug-dir={dbg}', *common, copy], with_folder, [dbg]),
        make_peer('eu-strip -g -f, each', ['eu-strip'], loop(f'eu-strip -g -f {dbg}/${{f##*/}} $f'), with_folder, [dbg]),
        make_peer('binutils, three passes, each', ['objcopy', 'strip'],
                  loop(f'd={dbg}/${{f##*/}}; objcopy --only-keep-debug $f $d && strip -g $f && objcopy --add-gnu-debuglink=$d $f'),
                  with_folder, [dbg]),
        make_peer('find-debuginfo -j2', ['find-debuginfo', 'debugedit', 'cpio'],
                  shell(f'cd {dbg} && RPM_BUILD_DIR={dbg} RPM_BUILD_ROOT={copy} RPM_PACKAGE_NAME=many RPM_PACKAGE_VERSION=1 '
                        f'RPM_PACKAGE_RELEASE=1 RPM_ARCH=x86_64 find-debuginfo -j2 -g {dbg}'), with_folder,
                  [os.path.join(copy, 'usr/lib/debug')]),
        make_peer('dh_strip', ['dh_strip', 'dpkg-architecture'], shell(f'cd {package} && dh_strip'), with_package,
                  [os.path.join(package, 'debian/.debhelper')]),
        make_peer('floor', [], shell(f'{build}/tests/bench/floor {floor_out} {files}'), fresh, [floor_out]),
    ]
