#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare two ELF files section by section and symbol by symbol.

Two files are equal where every section has the same place in the table, name, type, flags (but
SHF_COMPRESSED), address, link, info, entry size and decoded content, every symbol is the same in the
same order, and the program headers and the bytes that they load are the same. Offsets in the file and
alignment gaps may differ. A reader of its own: nothing of dbgvault is used.

eu-unstrip writes only one of several equal symbols (the STT_FILE symbols of crtbegin.o and crtend.o, say); with
--folded, symbols that one file has several times count once, wherever they stand.

usage: elfcompare.py [--folded] [--part=loadable|sections|symbols] A B; exit status 0 equal, 1 not, and a line a difference
"""
import collections
import struct
import subprocess
import sys
import zlib

SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_NOBITS, SHT_REL = 0, 1, 2, 3, 4, 8, 9
SHT_GROUP, SHT_SYMTAB_SHNDX = 17, 18
ET_REL, EM_MIPS = 1, 8
SHF_ALLOC, SHF_COMPRESSED = 2, 0x800
PT_LOAD = 1
SHN_XINDEX = 0xFFFF


def inflate(stream):
    """Zlib streams, one behind the other: gold writes them so."""
    out = b''
    while stream:
        decoder = zlib.decompressobj()
        out += decoder.decompress(stream) + decoder.flush()
        stream = decoder.unused_data
    return out


class Elf:
    def __init__(self, path):
        with open(path, 'rb') as f:
            self.bytes = f.read()
        b = self.bytes
        if b[:4] != b'\x7fELF':
            raise SystemExit(f'{path}: not an ELF file')
        self.wide = b[4] == 2
        self.order = '<' if b[5] == 1 else '>'
        head = 'HHIQQQIHHHHHH' if self.wide else 'HHIIIIIHHHHHH'
        (self.type, self.machine, _, self.entry, self.phoff, self.shoff, self.flags, _, phentsize, phnum,
         shentsize, shnum, shstrndx) = struct.unpack_from(self.order + head, b, 16)
        shape = 'IIQQQQIIQQ' if self.wide else 'IIIIIIIIII'
        first = struct.unpack_from(self.order + shape, b, self.shoff) if self.shoff else None
        if first and not shnum:
            shnum = first[5]
        if first and shstrndx == SHN_XINDEX:
            shstrndx = first[6]
        if first and phnum == 0xFFFF:
            phnum = first[7]
        self.headers = [struct.unpack_from(self.order + shape, b, self.shoff + i * shentsize)
                        for i in range(shnum)] if self.shoff else []
        if self.wide:
            raw = [struct.unpack_from(self.order + 'IIQQQQQQ', b, self.phoff + i * phentsize) for i in range(phnum)]
            self.segments = [dict(type=p[0], flags=p[1], offset=p[2], vaddr=p[3], paddr=p[4], filesz=p[5],
                                  memsz=p[6], align=p[7]) for p in raw]
        else:
            raw = [struct.unpack_from(self.order + 'IIIIIIII', b, self.phoff + i * phentsize) for i in range(phnum)]
            self.segments = [dict(type=p[0], offset=p[1], vaddr=p[2], paddr=p[3], filesz=p[4], memsz=p[5],
                                  flags=p[6], align=p[7]) for p in raw]
        self.names_index = shstrndx
        names = self.raw(self.headers[shstrndx]) if self.headers and shstrndx else b''
        self.sections = []
        for h in self.headers:
            end = names.find(b'\0', h[0])
            name = names[h[0]:end].decode('latin-1') if end >= 0 else ''
            self.sections.append(dict(name=name, type=h[1], flags=h[2], addr=h[3], size=h[5], link=h[6],
                                      info=h[7], align=h[8], entsize=h[9], header=h))

    def raw(self, h):
        return b'' if h[1] in (SHT_NULL, SHT_NOBITS) else self.bytes[h[4]:h[4] + h[5]]

    def content(self, s):
        data = self.raw(s['header'])
        if s['flags'] & SHF_COMPRESSED:
            size_of_header = 24 if self.wide else 12
            kind = struct.unpack_from(self.order + 'I', data)[0]
            stream = data[size_of_header:]
            if kind == 1:
                return inflate(stream)
            if kind == 2:
                return subprocess.run(['zstd', '-dcq'], input=stream, check=True, stdout=subprocess.PIPE).stdout
            raise SystemExit(f'{s["name"]}: compression type {kind}')
        if s['name'].startswith('.zdebug_') and data[:4] == b'ZLIB':
            return inflate(data[12:])
        return data

    def symbols(self, s):
        strings = self.raw(self.headers[s['link']])
        data = self.raw(s['header'])
        wide = None
        for i, other in enumerate(self.sections):
            if other['type'] == SHT_SYMTAB_SHNDX and self.sections[other['link']] is s:
                wide = self.raw(self.headers[i])
        size = 24 if self.wide else 16
        out = []
        for n, at in enumerate(range(0, len(data) - size + 1, size)):
            if self.wide:
                name, info, other, shndx, value, length = struct.unpack_from(self.order + 'IBBHQQ', data, at)
            else:
                name, value, length, info, other, shndx = struct.unpack_from(self.order + 'IIIBBH', data, at)
            extended = shndx == SHN_XINDEX and wide
            if extended:
                shndx = struct.unpack_from(self.order + 'I', wide, 4 * n)[0]
            where = shndx
            if 0 < shndx < len(self.sections) and (extended or shndx < 0xFF00):
                where = plain(self.sections[shndx]['name'])
            end = strings.find(b'\0', name)
            out.append((strings[name:end], info, other, where, value, length))
        return out

    def relocations(self, s):
        """Relocations that refer to the whole symbol table, with the symbols themselves."""
        symbols = self.symbols(self.sections[s['link']])
        word = 'Q' if self.wide else 'I'
        shape = self.order + word * (3 if s['type'] == SHT_RELA else 2)
        out = []
        for entry in struct.iter_unpack(shape, self.raw(s['header'])):
            index = entry[1] >> (32 if self.wide else 8)
            kind = entry[1] & (0xFFFFFFFF if self.wide else 0xFF)
            out.append((entry[0], kind, symbols[index] if index < len(symbols) else index, entry[2:]))
        return out

    def kept_content(self, s):
        """What a relocatable file's section says once indexes of symbols and sections are what they refer to."""
        if s['type'] in (SHT_REL, SHT_RELA) and self.machine != EM_MIPS and \
           0 < s['link'] < len(self.sections) and self.sections[s['link']]['type'] == SHT_SYMTAB:
            return self.relocations(s)
        if s['type'] == SHT_GROUP:
            flags, *members = struct.unpack(f'{self.order}{s["size"] // 4}I', self.raw(s['header']))
            return flags, [self.sections[i]['name'] for i in members if i < len(self.sections)]
        return self.content(s)

    def loadable(self):
        """(program headers, bytes they load) with the section header table's place masked."""
        ranges = []
        for p in self.segments:
            data = bytearray(self.bytes[p['offset']:p['offset'] + p['filesz']])
            if p['type'] == PT_LOAD:
                for at, size in self.masked():
                    for i in range(max(at, p['offset']), min(at + size, p['offset'] + len(data))):
                        data[i - p['offset']] = 0
            ranges.append((p, bytes(data) if p['type'] == PT_LOAD else b''))
        return ranges

    def masked(self):
        if self.wide:
            return [(0x28, 8), (0x3C, 4)]  # e_shoff; e_shnum, e_shstrndx
        return [(0x20, 4), (0x30, 4)]


def plain(name):
    return '.debug_' + name[len('.zdebug_'):] if name.startswith('.zdebug_') else name


def compare_loadable(a, b, folded=False):
    left, right = a.loadable(), b.loadable()
    if [p for p, _ in left] != [p for p, _ in right]:
        yield 'program headers differ'
        return
    for i, ((p, x), (_, y)) in enumerate(zip(left, right)):
        if x != y:
            at = next((k for k in range(min(len(x), len(y))) if x[k] != y[k]), min(len(x), len(y)))
            yield f'segment {i}: loaded bytes differ first at file offset 0x{p["offset"] + at:x}'
    for field in ('type', 'machine', 'entry', 'flags', 'phoff'):
        if getattr(a, field) != getattr(b, field):
            yield f'ELF header: {field} {getattr(a, field)} and {getattr(b, field)}'


def compare_sections(a, b, folded=False):
    if len(a.sections) != len(b.sections):
        left, right = [plain(s['name']) for s in a.sections], [plain(s['name']) for s in b.sections]
        yield f'{len(left)} and {len(right)} sections; only in one: {sorted(set(left) ^ set(right))}'
        return
    for i, (s, t) in enumerate(zip(a.sections, b.sections)):
        what = f'[{i}] {s["name"]}'
        if plain(s['name']) != plain(t['name']):
            yield f'{what}: the other is {t["name"]}'
            continue
        for field in ('type', 'addr', 'link', 'info', 'entsize'):
            if field == 'info' and folded and s['type'] == SHT_SYMTAB:
                continue  # compare_symbols() sees that it counts the local ones
            if s[field] != t[field]:
                yield f'{what}: {field} 0x{s[field]:x} and 0x{t[field]:x}'
        if (s['flags'] ^ t['flags']) & ~SHF_COMPRESSED:
            yield f'{what}: flags 0x{s["flags"]:x} and 0x{t["flags"]:x}'
        if s['type'] == SHT_NOBITS and s['size'] != t['size']:
            yield f'{what}: size {s["size"]} and {t["size"]}'
        if i in (a.names_index, b.names_index):
            continue  # what it holds was compared, name by name
        if s['type'] in (SHT_SYMTAB,):
            continue  # compared symbol by symbol
        if s['type'] == SHT_STRTAB and any(x['type'] == SHT_SYMTAB and x['link'] == i for x in a.sections):
            continue
        if folded and s['type'] in (SHT_REL, SHT_RELA) and a.sections[s['link']]['type'] == SHT_SYMTAB:
            if a.relocations(s) != b.relocations(t):
                yield f'{what}: relocations differ'
            continue
        x, y = a.content(s), b.content(t)
        if x != y:
            at = next((k for k in range(min(len(x), len(y))) if x[k] != y[k]), min(len(x), len(y)))
            yield f'{what}: content differs first at 0x{at:x} ({len(x)} and {len(y)} bytes)'


def fold(x, y):
    """Both lists without the symbols that either has several times; these count once, as a set."""
    several = {s for symbols in (x, y) for s, n in collections.Counter(symbols).items() if n > 1}
    folded = tuple([s for s in symbols if s not in several] + sorted(several & set(symbols), key=str)
                   for symbols in (x, y))
    return folded


def compare_symbols(a, b, folded=False):
    def tables(e):
        return [s for s in e.sections if s['type'] == SHT_SYMTAB]
    left, right = tables(a), tables(b)
    if len(left) != len(right):
        yield f'{len(left)} and {len(right)} symbol tables'
        return
    for s, t in zip(left, right):
        x, y = a.symbols(s), b.symbols(t)
        for table, symbols in ((s, x), (t, y)):
            local = sum(1 for symbol in symbols if symbol[1] >> 4 == 0)
            if table['info'] != local:
                yield f'{table["name"]}: info {table["info"]}, with {local} local symbols'
        if folded:
            x, y = fold(x, y)
        if len(x) != len(y):
            yield f'{s["name"]}: {len(x)} and {len(y)} symbols'
        for i, (p, q) in enumerate(zip(x, y)):
            if p != q:
                yield f'{s["name"]}: symbol {i}: {p} and {q}'
                break


PARTS = {'loadable': compare_loadable, 'sections': compare_sections, 'symbols': compare_symbols}


def differences(path_a, path_b, parts=tuple(PARTS), folded=False):
    a, b = Elf(path_a), Elf(path_b)
    return [line for part in parts for line in PARTS[part](a, b, folded)]


def join_differences(original, stripped, debug):
    """What a stripped file and its debug file lack of the original, without joining them by a tool: each section
    of the original must stand at its place in the debug file, and its content there or in the stripped file."""
    whole, rest, taken = Elf(original), Elf(stripped), Elf(debug)
    lines = []
    if len(whole.sections) != len(taken.sections):
        return [f'debug file: {len(taken.sections)} sections, the original has {len(whole.sections)}']
    if whole.segments != taken.segments:
        lines.append('debug file: program headers differ')
    left = collections.defaultdict(list)
    for u in rest.sections:
        left[u['name'], u['addr'], u['type']].append(u)
    for i, (s, t) in enumerate(zip(whole.sections, taken.sections)):
        what = f'[{i}] {s["name"]}'
        if plain(s['name']) != plain(t['name']):
            lines.append(f'{what}: the debug file has {t["name"]}')
            continue
        turned = t['type'] == SHT_NOBITS and s['type'] != SHT_NOBITS
        for field in ('addr', 'link', 'info', 'entsize') + (() if turned else ('type',)):
            if s[field] != t[field]:
                lines.append(f'{what}: {field} 0x{s[field]:x}, in the debug file 0x{t[field]:x}')
        if (s['flags'] ^ t['flags']) & ~SHF_COMPRESSED:
            lines.append(f'{what}: flags 0x{s["flags"]:x}, in the debug file 0x{t["flags"]:x}')
        if i in (whole.names_index, taken.names_index) or s['type'] in (SHT_NULL, SHT_NOBITS):
            continue
        if not turned:
            if whole.content(s) != taken.content(t):
                lines.append(f'{what}: content differs in the debug file')
            continue
        if t['size'] != s['size']:
            lines.append(f'{what}: size {s["size"]}, in the debug file {t["size"]}')
        kept = left[s['name'], s['addr'], s['type']]
        if whole.type == ET_REL:  # numbers of symbols and sections changed with what left
            same = any(rest.kept_content(u) == whole.kept_content(s) for u in kept)
        else:
            same = any(rest.content(u) == whole.content(s) for u in kept)
        if not same:
            lines.append(f'{what}: content is neither in the debug file nor in the stripped one')
    return lines


def main(args):
    parts, folded = tuple(PARTS), False
    while args and args[0].startswith('--'):
        option = args.pop(0)
        if option == '--folded':
            folded = True
        elif option.startswith('--part='):
            parts = (option.split('=', 1)[1],)
        else:
            parts = ('',)
    if len(args) != 2 or parts[0] not in PARTS:
        print(__doc__.strip().splitlines()[-1], file=sys.stderr)
        return 2
    lines = differences(args[0], args[1], parts, folded)
    print('\n'.join(lines) if lines else 'equal')
    return 1 if lines else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
