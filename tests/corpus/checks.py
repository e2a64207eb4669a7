# SPDX-License-Identifier: Apache-2.0
"""The table shape x check, for any tool that makes (stripped, debug) of a file.

A cell is 'ok', '-' (does not apply), or says what is wrong. eu-unstrip and eu-elflint have limits of their own: where
eu-unstrip cannot join, the comparer's own join decides.
"""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
import elfcompare  # noqa: E402  pylint: disable=wrong-import-position

BUILD = os.environ.get('DBGVAULT_BUILD', os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'build'))
DBGSPLIT = os.path.join(BUILD, 'split', 'dbgsplit')
CHECKS = ('loaded', 'tail', 'symbols', 'sections', 'join', 'rejoin', 'link', 'lint', 'verify', 'runs', 'backtrace')


def call(*command, timeout=240):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=timeout, check=False, env={**os.environ, 'LC_ALL': 'C', 'DEBUGINFOD_URLS': ''})
    return done.returncode, done.stdout.decode('utf-8', 'replace')


def tail(elf):
    """What is behind the last of tables, segments and sections."""
    ends = [64 if elf.wide else 52]
    ends += [s['offset'] + s['filesz'] for s in elf.segments]
    ends += [h[4] + h[5] for h in elf.headers if h[1] not in (elfcompare.SHT_NULL, elfcompare.SHT_NOBITS)]
    ends.append(elf.shoff + len(elf.headers) * (64 if elf.wide else 40))
    return elf.bytes[max(ends):]


def symbols(elf, names):
    """Symbols but those of sections whose name is not in `names`; as a symbol table lists them."""
    own = {elfcompare.plain(s['name']) for s in elf.sections}
    return [t for s in elf.sections if s['type'] == elfcompare.SHT_SYMTAB for t in elf.symbols(s)
            if not isinstance(t[3], str) or t[3] in names or t[3] not in own]


def check_loaded(original, stripped, _):
    return elfcompare.differences(original, stripped, ('loadable',))


def check_tail(original, stripped, _):
    a, b = tail(elfcompare.Elf(original)), tail(elfcompare.Elf(stripped))
    return [] if a == b else [f'{len(a)} bytes behind the end, now {len(b)}']


def check_symbols(original, stripped, _):
    a, b = elfcompare.Elf(original), elfcompare.Elf(stripped)
    left = {elfcompare.plain(s['name']) for s in b.sections}
    x, y = symbols(a, left), symbols(b, left)
    if x == y:
        return []
    gone = [s for s in x if s not in set(y)]
    return [f'{len(x)} symbols, now {len(y)}; gone {gone[:2]}']


def check_sections(original, stripped, debug):
    return elfcompare.join_differences(original, stripped, debug)


def check_join(original, stripped, debug):
    joined = stripped + '.joined'
    status, said = call('eu-unstrip', '-o', joined, stripped, debug)
    if status:
        return ['eu-unstrip: ' + said.strip().split('\n')[0]]
    lines = elfcompare.differences(original, joined, folded=True)
    os.unlink(joined)
    return lines


def check_rejoin(original, stripped, debug):
    """dbgsplit --join: the original, but for compressed streams that no codec gives again. None: no pair of its own."""
    with open(debug, 'rb') as f:
        if not f.read().endswith(b'dbgvjoin'):
            return None
    joined = stripped + '.rejoined'
    status, said = call(DBGSPLIT, '--join', stripped, debug, '-o', joined)
    if status:
        return [said.strip().split('\n')[0]]
    a, b = elfcompare.Elf(original), elfcompare.Elf(joined)
    os.unlink(joined)
    if a.bytes == b.bytes:
        return []
    streams = [(s['header'][4], s['size']) for s in a.sections if s['flags'] & elfcompare.SHF_COMPRESSED
               or s['name'].startswith('.zdebug_')]
    same = len(a.bytes) == len(b.bytes) and without(a.bytes, streams) == without(b.bytes, streams)
    return [] if same and all(a.content(x) == b.content(y) for x, y in zip(a.sections, b.sections)) else ['other bytes']


def without(data, ranges):
    data = bytearray(data)
    for offset, size in ranges:
        data[offset:offset + size] = bytes(size)
    return data


def check_link(_, stripped, debug):
    names = [s['name'] for s in elfcompare.Elf(stripped).sections]
    if names.count('.gnu_debuglink') != 1:
        return [f'{names.count(".gnu_debuglink")} .gnu_debuglink sections']
    elf = elfcompare.Elf(stripped)
    content = elf.content(elf.sections[names.index('.gnu_debuglink')])
    return [] if content.split(b'\0')[0] == os.path.basename(debug).encode() else [f'it names {content}']


def complaints(*command):
    return len(call(*command)[1].strip().splitlines())


def check_lint(original, stripped, _):
    before, after = (complaints('eu-elflint', '--gnu-ld', f) for f in (original, stripped))
    return [] if after <= before else [f'eu-elflint: {before} complaints, now {after}']


def check_verify(original, _, debug):
    before, after = (len(re.findall(r'^error:', call('llvm-dwarfdump-19', '--verify', f)[1], re.M))
                     for f in (original, debug))
    return [] if after <= before else [f'llvm-dwarfdump --verify: {before} errors, in the debug file {after}']


def check_runs(original, stripped, _):
    a, b = call(original), call(stripped)
    return [] if a == b else [f'{a}, now {b}']


def backtrace(path):
    out = call('gdb', '-nx', '-batch', '-iex', 'set auto-load off', '-ex', 'break twice', '-ex', 'break main.twice',
               '-ex', 'run', '-ex', 'bt', path)[1]
    return re.sub(r'0x[0-9a-f]+', '0x', '\n'.join(line for line in out.splitlines() if line.startswith('#')))


def check_backtrace(original, stripped, _):
    a, b = backtrace(original), backtrace(stripped)
    return [] if a == b and 'twice' in a else [f'{a!r}, now {b!r}']


CHECK_TOOLS = {'join': 'eu-unstrip', 'lint': 'eu-elflint', 'verify': 'llvm-dwarfdump-19', 'backtrace': 'gdb'}


def row(shape, original, stripped, debug, skip=()):
    """{check: cell} for one split file."""
    cells = {}
    for name in CHECKS:
        if name in skip or (name in ('runs', 'backtrace') and not shape.runs) or \
           not shutil.which(CHECK_TOOLS.get(name, 'sh')):
            cells[name] = '-'
            continue
        try:
            lines = globals()['check_' + name](original, stripped, debug)
        except BaseException as error:  # a tool's output may be no ELF file at all  pylint: disable=broad-except
            if isinstance(error, KeyboardInterrupt):
                raise
            lines = [f'{type(error).__name__}: {error}']
        cells[name] = '-' if lines is None else lines[0] if lines else 'ok'
    return cells


def show(title, cells, prefix=''):
    """A line of the table, and below it what each bad cell says."""
    marks = ' '.join(f'{ {"ok": "ok", "-": "-"}.get(cells[name], "BAD"):{len(name)}}' for name in CHECKS)
    lines = [f'{prefix}{title:44} {marks}']
    lines += [f'{prefix}    {name}: {cells[name][:300]}' for name in CHECKS if cells[name] not in ('ok', '-')]
    return '\n'.join(lines)


def head(prefix=''):
    return f'{prefix}{"shape":44} {" ".join(CHECKS)}'
