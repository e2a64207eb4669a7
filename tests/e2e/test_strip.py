# SPDX-License-Identifier: Apache-2.0
"""In place of strip: build systems call it by that name, with strip's own words, and get their symbols kept."""
import os
import shutil

import lib
from lib import case, equal, expect, matches, run

C = '#include <stdio.h>\nstatic int add(int a, int b) { return a + b; }\nint main(int n, char **v) { (void)v; return printf("%d\\n", add(n, 1)) < 0; }\n'


def stand_in(work, name='strip'):
    """A folder with strip in it, which goes first in PATH, and the environment for that."""
    os.makedirs(f'{work}/tools', exist_ok=True)
    os.symlink(lib.DBGSPLIT, f'{work}/tools/{name}')
    store = lib.new_store(work)
    return f'{work}/tools/{name}', store, lib.clean_env(
        DBGVAULT_STORE=store, PATH=f'{work}/tools:{os.environ["PATH"]}', DBGVAULT_SPLIT_FLAGS='--sources=no')


def was_split(path, store):
    names = lib.section_names(path)
    expect('.symtab' in names and '.debug_info' not in names, f'{path}: {names}')
    matches(r'\badd\b', run('nm', path).text)
    lib.dbgstore('find', f'--store={store}', path)
    equal(run(path).text, '2\n', f'what {path} prints')


def has_debug(path):
    return '.debug_info' in lib.section_names(path)


def source(work):
    lib.write(f'{work}/src/prog.c', C)


@case('install -s, with --strip-program, and with strip in PATH', needs=['gcc', 'install'])
def install_s(work):
    strip, store, env = stand_in(work)
    source(work)
    run('gcc', '-g', '-O1', '-fno-inline', '-o', 'prog', 'src/prog.c')
    run('install', '-s', f'--strip-program={strip}', 'prog', 'one', env=env)
    run('install', '-s', 'prog', 'two', env=env)
    was_split('./one', store)
    was_split('./two', store)
    expect(has_debug('prog'), 'what was installed from stays whole')
    equal(lib.read('one'), lib.read('two'), 'both')


@case("automake's make install-strip, with a cross name, and with STRIP=dbgsplit", needs=['gcc', 'make', 'automake', 'autoconf'])
def make_install_strip(work):
    _, store, env = stand_in(work, 'x86_64-linux-gnu-strip')
    source(work)
    lib.write('src/configure.ac', 'AC_INIT([p], [1])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\nAC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n')
    lib.write('src/Makefile.am', 'bin_PROGRAMS = prog\nprog_SOURCES = prog.c\n')
    for command in (['aclocal'], ['automake', '--add-missing', '--copy'], ['autoconf'],
                    ['./configure', '--prefix=/usr', 'CFLAGS=-g -O1 -fno-inline', 'STRIP=x86_64-linux-gnu-strip'], ['make']):
        run(*command, cwd='src', env=env)
    run('make', 'install-strip', f'DESTDIR={work}/one', cwd='src', env=env)
    was_split(f'{work}/one/usr/bin/prog', store)
    os.symlink(lib.DBGSPLIT, f'{work}/tools/dbgsplit')
    run('make', 'install-strip', f'STRIP={work}/tools/dbgsplit', f'DESTDIR={work}/two', cwd='src', env=env)
    was_split(f'{work}/two/usr/bin/prog', store)


@case('meson install --strip', needs=['gcc', 'meson', 'ninja'])
def meson(work):
    _, store, env = stand_in(work)
    source(work)
    lib.write('src/meson.build', "project('p', 'c')\nexecutable('prog', 'prog.c', c_args: '-fno-inline', install: true)\n")
    run('meson', 'setup', '--prefix=/usr', '--buildtype=debugoptimized', 'build', 'src', env=env)
    run('meson', 'install', '-C', 'build', '--strip', f'--destdir={work}/out', env=env)
    was_split(f'{work}/out/usr/bin/prog', store)


@case('cmake --install --strip, with CMAKE_STRIP', needs=['gcc', 'cmake', 'make'])
def cmake(work):
    strip, store, env = stand_in(work)
    source(work)
    lib.write('src/CMakeLists.txt',
              'cmake_minimum_required(VERSION 3.18)\nproject(p C)\nadd_executable(prog prog.c)\n'
              'target_compile_options(prog PRIVATE -g -O1 -fno-inline)\ninstall(TARGETS prog)\n')
    run('cmake', '-S', 'src', '-B', 'build', f'-DCMAKE_STRIP={strip}', f'-DCMAKE_INSTALL_PREFIX={work}/out', env=env)
    run('cmake', '--build', 'build', env=env)
    run('cmake', '--install', 'build', '--strip', env=env)
    was_split(f'{work}/out/bin/prog', store)


@case("libtool's question: is it GNU strip?", needs=['sh', 'grep'])
def libtool(work):
    strip, _, env = stand_in(work)
    run('sh', '-c', f'{strip} -V 2>&1 | grep "GNU strip" >/dev/null', env=env)
    matches('^dbgsplit ', run(strip, '--version', env=env).text)
    expect('GNU strip' not in run(lib.DBGSPLIT, '-V', env=env).text, 'by its own name it is no strip')


@case('many words of strip at once; what asks for symbols is answered with a line, or refused with $DBGVAULT_STRICT', needs=['gcc', 'nm'])
def words(work):
    strip, store, env = stand_in(work)
    binary = lib.c_program('build')
    whole = lib.read(binary)
    symbols = run('nm', binary).text
    for n, options in enumerate((['--strip-unneeded'], ['-x'], ['-X'], ['-N', 'main'], ['-s', '-K', 'main', '-w'], ['--strip-a'], [])):
        done = run(strip, *options, '-o', f'out{n}', binary, env=env)
        equal(run('nm', f'out{n}').text, symbols, f'symbols after {options}')
        matches('symbols stay', done.errors)
        done = run(strip, *options, '-o', f'strict{n}', binary, env={**env, 'DBGVAULT_STRICT': '1'}, status=1)
        matches('never taken', done.errors)
        expect(not os.path.exists(f'strict{n}'), 'a refusal writes nothing')
    for n, options in enumerate((['-g', '-p', '-D'], ['-S', '--keep-file-symbols'], ['-gvw', '-Kx', '-F', 'elf64-x86-64'])):
        done = run(strip, *options, '-o', f'quiet{n}', binary, env={**env, 'DBGVAULT_STRICT': '1'})
        expect('symbols stay' not in done.errors, done.errors)
        equal(lib.read(f'quiet{n}'), lib.read('out0'), f'after {options}')
    lib.write('words', "-g -o 'a b'\n")
    run(strip, '@words', binary, env=env)
    equal(lib.read('a b'), lib.read('out0'), 'with words from a file')
    equal(lib.read(binary), whole, 'the input of -o')


@case('exit statuses are those of strip: text, empty, folder, missing, wrong option, nothing named', needs=['gcc', 'strip', 'ar'])
def statuses(work):
    strip, _, env = stand_in(work)
    peer = shutil.which('strip', path=os.environ['PATH'])
    binary = lib.c_program('build')
    lib.write('text', 'hello\n')
    lib.write('empty', '')
    lib.write('x.c', C)
    os.mkdir('folder')
    shutil.copy(binary, 'folder/inner')
    os.symlink(binary, 'link')
    run('gcc', '-g', '-c', '-o', 'x.o', 'x.c')
    run('ar', 'rcs', 'lib.a', 'x.o')
    for arguments in (['text'], ['empty'], ['missing'], ['--no-such', 'x.o'], ['-g', '-o', 'o', 'x.o', 'lib.a'], ['-g'],
                      ['x.o'], ['lib.a'], ['link'], ['text', binary]):
        theirs = run(peer, *arguments, status=None).status
        ours = run(strip, *arguments, env=env, status=None)
        equal(ours.status, theirs, f'exit status of strip {" ".join(arguments)}: {ours.errors}')
    run(strip, 'folder', env=env, status=1)
    expect(has_debug('folder/inner'), 'a folder is not walked')
    expect(os.path.islink('link'), 'a link stays one')


if __name__ == '__main__':
    lib.main()
