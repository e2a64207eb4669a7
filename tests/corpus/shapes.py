# SPDX-License-Identifier: Apache-2.0
"""The shapes that a linked ELF file can have, each made by code: SHAPES maps a title to a Shape.

build(path) makes the file at `path`, in a folder of its own; subprocess.CalledProcessError or FileNotFoundError
says that this machine's toolchain cannot.
"""
import collections
import io
import os
import shutil
import subprocess
import zipfile

import elfwriter

# runs: natively, so that its output and gdb's backtrace can be compared. split: there is debug information to take.
Shape = collections.namedtuple('Shape', 'build runs split')
SHAPES = {}

# Sections that a shape has to have to be what it says; a toolchain that leaves them out cannot build it.
WANTED = {
    'SHT_RELR': '.relr.dyn',
    '.debug_types': '.debug_types',
    '.debug_gnu_pub*': '.debug_gnu_pubnames',
    '.gdb_index (lld)': '.gdb_index',
    '.debug_names (clang)': '.debug_names',
    '.zdebug': '.zdebug_info',
    '.stab': '.stab',
    '.ARM.exidx': '.ARM.exidx',
    '.note.gnu.property': '.note.gnu.property',
    '.note.package': '.note.package',
    '.so with versions': '.gnu.version_d',
    'SysV hash': '.hash',
    'both hashes': '.gnu.hash',
    'annobin': '.gnu.build.attributes',
    'emitted relocations': '.rela.debug_info',
    'CTF alone': '.ctf',
    'CTF beside DWARF': '.ctf',
    'BTF alone': '.BTF',
    'split DWARF, pubnames': '.debug_gnu_pubnames',
}

# Shapes that have no debug information to take, and what is said of each.
UNSPLIT = {
    'no section headers': 'no section headers, so no debug information that could be found',
    'packed as UPX does': 'no section headers, so no debug information that could be found',
    'already stripped': 'no debug information: compile and link with -g',
    'CTF alone': 'no debug information: compile and link with -g',
    'BTF alone': 'no debug information: compile and link with -g',
    'already split': 'no debug information: it was split before, into first.debug (.gnu_debuglink)',
}

SOURCE = r'''
#include <stdio.h>
static __thread int per_thread = 4;
struct pair { int first, second; };
static int plain(int n)
{
	struct pair pair = { n, per_thread };
	return pair.first + pair.second;
}
#ifdef IFUNC
static int (*choose(void))(int) { return plain; }
static int chosen(int) __attribute__((ifunc("choose")));
#else
#define chosen plain
#endif
__attribute__((section(".cargo_data"), used, aligned(64))) const unsigned char cargo[4096] = { 1, 2, 3, [4095] = 9 };
__attribute__((constructor)) static void early(void) { per_thread++; }
#ifdef WIDE
static int wide[4] __attribute__((aligned(WIDE))) = { 1 };
#endif
int twice(int number)
{
	int doubled = 2 * chosen(number);
	printf("%d\n", doubled);
	return doubled;
}
int main(int argc, char **argv)
{
	int sum = 0;
	for (unsigned i = 0; i < sizeof(cargo); i++)
		sum += ((const volatile unsigned char *)cargo)[i];
	(void)argv;
#ifdef WIDE
	sum += ((volatile int *)wide)[0] + (int)((unsigned long)wide % WIDE);
#endif
	printf("%d\n", sum);
	return twice(argc) == 0;
}
'''


def tool(*command, folder):
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                   stdin=subprocess.DEVNULL)


def compile_c(path, *flags, compiler='gcc', source=SOURCE, suffix='.c', debug='-g'):
    folder = os.path.dirname(path)
    with open(os.path.join(folder, 'source' + suffix), 'w', encoding='ascii') as f:
        f.write(source)
    tool(compiler, *([debug] if debug else []), '-Wl,--build-id=sha1', *flags, '-o', path, 'source' + suffix, folder=folder)


def shape(title, runs=True, split=True):
    def register(function):
        SHAPES[title] = Shape(function, runs, split)
        return function
    return register


def flags_shape(title, *flags, runs=True, **options):
    SHAPES[title] = Shape(lambda path: compile_c(path, *flags, **options), runs, True)


for _title, _flags in {
        'ET_EXEC': ['-no-pie'],
        'PIE': ['-pie'],
        'static, IRELATIVE': ['-static', '-DIFUNC'],
        'static-pie': ['-static-pie'],
        'PT_LOADs share a page': ['-Wl,-z,noseparate-code'],
        'pages of 2 MiB': ['-Wl,-z,max-page-size=0x200000'],
        'alignment over a page': ['-DWIDE=65536'],
        'SHT_RELR': ['-Wl,-z,pack-relative-relocs'],
        'SysV hash': ['-Wl,--hash-style=sysv'],
        'both hashes': ['-Wl,--hash-style=both'],
        'ifunc': ['-DIFUNC'],
        'emitted relocations': ['-Wl,--emit-relocs'],
        'DWARF 2': ['-gdwarf-2'],
        'DWARF 3': ['-gdwarf-3'],
        'DWARF 4': ['-gdwarf-4'],
        'DWARF 5': ['-gdwarf-5'],
        'zlib': ['-gz=zlib'],
        '.zdebug': ['-gz=zlib-gnu'],
        '.debug_types': ['-gdwarf-4', '-fdebug-types-section'],
        '.debug_gnu_pub*': ['-ggnu-pubnames'],
        '.gdb_index (lld)': ['-ggnu-pubnames', '-fuse-ld=lld', '-Wl,--gdb-index'],
        '.note.gnu.property': ['-fcf-protection'],
        '.note.package': ['-Wl,--package-metadata={"name":"hello"}'],
        'lld': ['-fuse-ld=lld'],
}.items():
    flags_shape(_title, *_flags)
flags_shape('.stab', debug='-gstabs+')
flags_shape('.debug_names (clang)', '-gdwarf-5', '-gpubnames', compiler='clang')
SHAPES['CTF alone'] = Shape(lambda path: compile_c(path, debug='-gctf'), True, False)  # kept, as is BTF
SHAPES['BTF alone'] = Shape(lambda path: compile_c(path, debug='-gbtf'), True, False)
flags_shape('CTF beside DWARF', '-gctf')
flags_shape('fat LTO', '-flto', '-ffat-lto-objects')
flags_shape('DWARF 64', '-gdwarf64')
flags_shape('split DWARF, pubnames', '-gsplit-dwarf')
# glibc wants to find its ELF header, which no segment loads here: linked, not run.
flags_shape('one PT_LOAD for all (-N)', '-static', '-Wl,-N', '-Wl,--defsym=__ehdr_start=0x400000', runs=False)
flags_shape('.so', '-shared', '-fPIC', runs=False)
flags_shape('.ARM.exidx', compiler='arm-linux-gnueabihf-gcc', runs=False)
flags_shape('big-endian (s390x)', compiler='s390x-linux-gnu-gcc', runs=False)
flags_shape('32 bits (i386)', compiler='i686-linux-gnu-gcc', runs=False)
flags_shape('annobin', source=SOURCE + r'''
__asm__(".pushsection .gnu.build.attributes,\"\",%note\n.balign 4\n.long 8,0,0x100\n.asciz \"GA$3p1\"\n.balign 4\n.popsection");
''')


@shape('.so with versions', runs=False)
def versions(path):
    with open(os.path.join(os.path.dirname(path), 'map'), 'w', encoding='ascii') as f:
        f.write('V1 { global: main; local: *; };\nV2 { global: twice; } V1;\n')
    compile_c(path, '-shared', '-fPIC', '-Wl,--version-script=map')


@shape('zstd')
def zstd(path):
    compile_c(path)
    tool('llvm-objcopy-19', '--compress-debug-sections=zstd', path, folder=os.path.dirname(path))


@shape('.gnu_debugdata, .ctf, .BTF, own section')
def extra_sections(path):
    compile_c(path)
    folder = os.path.dirname(path)
    with open(os.path.join(folder, 'bytes'), 'wb') as f:
        f.write(b'\xfd7zXZ\0 the bytes do not matter')
    for name in ('.gnu_debugdata', '.ctf', '.BTF', '.mymeta', '.sig', '.signature'):
        tool('objcopy', '--add-section', f'{name}=bytes', path, folder=folder)


@shape('old .gnu_debuglink')
def old_link(path):
    compile_c(path)
    with open(os.path.join(os.path.dirname(path), 'other.debug'), 'wb') as f:
        f.write(b'other')
    tool('objcopy', '--add-gnu-debuglink=other.debug', path, folder=os.path.dirname(path))


def changed(title, change, runs=True):
    def build(path):
        compile_c(path)
        w = elfwriter.Writer(path)
        w.save(path, **(change(w) or {}))
    SHAPES[title] = Shape(build, runs, True)


def hide(w, size=None, flags=None, name=None):
    s = w.shdrs[w.index('.cargo_data')]
    if size is not None:
        s[elfwriter.SIZE] = size
    if flags is not None:
        s[elfwriter.FLAGS] = flags
    if name:
        w.rename('.cargo_data', name)


def links(w):
    symtab = w.index('.symtab')
    w.add('.llvm_addrsig', 0x6FFF4C03, b'\1\2', link=symtab)
    w.add('.llvm.call-graph-profile', 0x6FFF4C09, bytes(8), link=symtab, entsize=8)


def overlap(w):
    comment, text = w.index('.comment'), w.index('.debug_str')
    i = w.add('.inside', 1, b'x' * 8)
    j = w.add('.debug_inside', 1, b'x' * 8)
    return {'alias': {i: comment, j: text}}


changed('bytes no section covers', lambda w: hide(w, size=0))
changed('non-allocated section in a PT_LOAD', lambda w: hide(w, flags=0))
changed('section headers before content', lambda w: {'table_after': 0})
changed('section headers between content', lambda w: {'table_after': 3})
changed('sections in reverse order', lambda w: {'order': w.loose()[::-1]})
changed('debug sections first, table first', lambda w: {
    'order': sorted(w.loose(), key=lambda i: not w.names[i].startswith('.debug_')), 'table_after': 0})
changed('overlapping sections', overlap)
changed('sh_link names .symtab', links)


@shape('more than 0xff00 sections')
def many_sections(path):
    lines = ''.join(f'.section .s.{i},"aw"\n.long {i}\n' for i in range(66000))
    folder = os.path.dirname(path)
    with open(os.path.join(folder, 'many.s'), 'w', encoding='ascii') as f:
        f.write(lines + '.globl in_the_last\nin_the_last:\n.long 7\n.section .note.GNU-stack\n')
    tool('gcc', '-c', '-o', 'many.o', 'many.s', folder=folder)
    compile_c(path, '-no-pie', 'many.o')


def payload(title, make):
    def build(path):
        compile_c(path)
        make(path)
        os.chmod(path, 0o755)
    SHAPES[title] = Shape(build, True, True)


def append(path, data):
    with open(path, 'ab') as f:
        f.write(data)


def append_zip(path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as z:
        z.writestr(zipfile.ZipInfo('hello'), 'in the archive ' * 1000)
    append(path, out.getvalue())


def appimage(path):
    append(path, b'hsqs' + bytes(range(256)) * 4096)
    with open(path, 'r+b') as f:
        f.seek(8)
        f.write(b'AI\x02')


def hole(path):
    with open(path, 'r+b') as f:
        f.truncate(os.path.getsize(path) + (8 << 20))
        f.seek(0, 2)
        f.write(b'the end')


payload('payload: zip', append_zip)
payload('payload: AppImage', appimage)
payload('payload: one byte', lambda path: append(path, b'x'))
payload('payload: a hole', hole)


@shape('Rust')
def rust(path):
    folder = os.path.dirname(path)
    with open(os.path.join(folder, 'main.rs'), 'w', encoding='ascii') as f:
        f.write('#[no_mangle]\n#[inline(never)]\npub fn twice(n: usize) -> usize { 2 * n }\n'
                'fn main() { println!("{}", twice(std::env::args().count())); }\n')
    tool('rustc', '-g', '-C', 'link-arg=-Wl,--build-id=sha1', '-o', path, 'main.rs', folder=folder)


def go(path, *flags, **env):
    folder = os.path.dirname(path)
    with open(os.path.join(folder, 'main.go'), 'w', encoding='ascii') as f:
        f.write('package main\n\nimport "os"\n\nfunc twice(n int) int { return 2 * n }\n\n'
                'func main() { println(twice(len(os.Args))) }\n')
    subprocess.run(['go', 'build', *flags, '-o', path, 'main.go'], cwd=folder, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                   env={**os.environ, 'GOFLAGS': '', 'GOTOOLCHAIN': 'local', 'GO111MODULE': 'off', **env})


SHAPES['Go'] = Shape(go, True, True)
SHAPES['Go, payload'] = Shape(lambda path: (go(path), append_zip(path)), True, True)
SHAPES['Go, arm64'] = Shape(lambda path: go(path, GOARCH='arm64', CGO_ENABLED='0'), False, True)


@shape('no section headers', split=False)
def no_headers(path):
    compile_c(path)
    elfwriter.without_section_headers(path)


@shape('packed as UPX does', split=False)
def packed(path):
    compile_c(path)
    w = elfwriter.Writer(path)
    with open(path, 'r+b') as f:
        f.truncate(w.loadable_end)
    elfwriter.without_section_headers(path)
    append(path, b'UPX!' + bytes(range(250)))


@shape('already stripped', split=False)
def stripped(path):
    compile_c(path)
    tool('strip', '-g', path, folder=os.path.dirname(path))


@shape('already split', split=False)
def already_split(path):
    compile_c(path)
    folder = os.path.dirname(path)
    shutil.copy(path, os.path.join(folder, 'first.debug'))
    tool('strip', '-g', path, folder=folder)
    tool('objcopy', '--add-gnu-debuglink=first.debug', path, folder=folder)
