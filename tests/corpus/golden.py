# SPDX-License-Identifier: Apache-2.0
"""Whole ELF files made of nothing but the numbers below, so that they are the same on every machine. SHAPES maps a name to bytes."""
import hashlib
import struct
import zlib

PROGBITS, SYMTAB, STRTAB, RELA, NOTE = 1, 2, 3, 4, 7
WRITE, ALLOC, EXEC, INFO_LINK, COMPRESSED = 1, 2, 4, 0x40, 0x800
EXEC_TYPE, DYN_TYPE, REL_TYPE = 2, 3, 1


class Target:
    def __init__(self, machine, wide, big, flags=0):
        self.machine, self.wide, self.big, self.flags = machine, wide, big, flags
        self.order = '>' if big else '<'
        self.align = 8 if wide else 4

    def pack(self, shape, *values):
        return struct.pack(self.order + shape.replace('N', 'Q' if self.wide else 'I'), *values)


def patterned(size, seed):
    """Bytes that compress a little, and are always the same."""
    out, block = b'', hashlib.sha256(seed.encode()).digest()
    while len(out) < size:
        block = hashlib.sha256(block).digest()
        out += block[:16] + b'dbgvault, dbgvault'
    return out[:size]


def note(target, owner, kind, desc):
    owner += b'\0'
    return (target.pack('III', len(owner), len(desc), kind) + owner + bytes(-len(owner) % 4) + desc + bytes(-len(desc) % 4))


def symbol(target, name, value, size, info, section):
    if target.wide:
        return target.pack('IBBHQQ', name, info, 0, section, value, size)
    return target.pack('IIIBBH', name, value, size, info, 0, section)


def stored_zlib(data):
    """A zlib stream of stored blocks: no encoder has a say in it."""
    out = b'\x78\x01'
    for at in range(0, len(data), 0xffff):
        block = data[at:at + 0xffff]
        last = at + 0xffff >= len(data)
        out += struct.pack('<BHH', last, len(block), len(block) ^ 0xffff) + block
    return out + struct.pack('>I', zlib.adler32(data))


def compressed(target, data):
    header = target.pack('IIQQ', 1, 0, len(data), 1) if target.wide else target.pack('III', 1, len(data), 1)
    return header + stored_zlib(data)


class File:
    """Sections in order: (name, type, flags, content, link, info, entsize, align). One PT_LOAD covers what is loaded. A
    content that depends on addresses is a function of them."""

    def __init__(self, target, kind, seed):
        self.target, self.kind, self.seed = target, kind, seed
        self.sections = []

    def add(self, name, kind, flags=0, content=b'', link=0, info=0, entsize=0, align=1):
        self.sections.append([name, kind, flags, content, link, info, entsize, align])
        return len(self.sections)

    def build(self, tail=b''):
        t = self.target
        sections = self.sections + [['.shstrtab', STRTAB, 0, None, 0, 0, 0, 1]]
        names = b'\0' + b''.join(s[0].encode() + b'\0' for s in sections)
        sections[-1][3] = names
        header_size, segment_size, section_size = (64, 56, 64) if t.wide else (52, 32, 40)
        n_segments = 0 if self.kind == REL_TYPE else 2
        out = bytearray(header_size + n_segments * segment_size)
        base = 0x400000 if self.kind == EXEC_TYPE else 0
        headers, name_at, loaded_end, notes, addresses = [], 1, len(out), (0, 0), {}
        for name, kind, flags, content, link, info, entsize, align in sections:
            out.extend(bytes(-len(out) % align))
            at = len(out)
            addresses[name] = base + at if flags & ALLOC else 0
            content = content(addresses) if callable(content) else content
            headers.append((name_at, kind, flags, base + at if flags & ALLOC else 0, at, len(content), link, info, align, entsize))
            name_at += len(name) + 1
            out.extend(content)
            if flags & ALLOC:
                loaded_end = len(out)
                if kind == NOTE:
                    notes = (at, len(content))
        out.extend(bytes(-len(out) % t.align))
        table = len(out)
        out.extend(bytes(section_size))
        for h in headers:
            out.extend(t.pack('IINNNNIINN', *h))
        ident = b'\x7fELF' + bytes([2 if t.wide else 1, 2 if t.big else 1, 1]) + bytes(9)
        out[:header_size] = ident + t.pack('HHINNNIHHHHHH', self.kind, t.machine, 1, 0, header_size if n_segments else 0, table, t.flags,
                                           header_size, segment_size if n_segments else 0, n_segments, section_size,
                                           len(sections) + 1, len(sections))
        for i, (kind, offset, size, align) in enumerate(((1, 0, loaded_end, 0x1000), (4, *notes, 4))[:n_segments]):
            at = header_size + i * segment_size
            if t.wide:
                segment = t.pack('IIQQQQQQ', kind, 5, offset, base + offset, base + offset, size, size, align)
            else:
                segment = t.pack('IIIIIIII', kind, offset, base + offset, base + offset, size, size, 5, align)
            out[at:at + segment_size] = segment
        return bytes(out) + tail


def program(target, kind=DYN_TYPE, seed='program', build_id=True, squeeze=False, tail=b'', symbols=True, extra=()):
    f = File(target, kind, seed)
    if build_id:
        f.add('.note.gnu.build-id', NOTE, ALLOC, note(target, b'GNU', 3, hashlib.sha1(seed.encode()).digest()), align=4)
    text = f.add('.text', PROGBITS, ALLOC | EXEC, patterned(600, seed + 't'), align=16)
    f.add('.data', PROGBITS, ALLOC | WRITE, patterned(64, seed + 'd'), align=8)
    f.add('.comment', PROGBITS, 0x30, b'made by numbers\0', entsize=1)
    f.add('.debug_info', PROGBITS, *((COMPRESSED, compressed(target, patterned(3000, seed + 'i'))) if squeeze else (0, patterned(3000, seed + 'i'))),
          align=target.align if squeeze else 1)
    f.add('.debug_abbrev', PROGBITS, 0, patterned(100, seed + 'a'))
    f.add('.debug_str', PROGBITS, 0x30, b''.join(b'name%d\0' % i for i in range(200)), entsize=1)
    for name, content in extra:
        f.add(name, PROGBITS, 0, content)
    if symbols:
        def table(addresses):
            start = addresses['.text']
            return b''.join(symbol(target, *entry) for entry in (
                (0, 0, 0, 0, 0), (1, 0, 0, 4, 0xfff1), (0, start, 0, 3, text), (6, start + 16, 32, 2, text), (11, start + 64, 8, 0x12, text)))
        f.add('.symtab', SYMTAB, 0, table, link=len(f.sections) + 2, info=4, entsize=24 if target.wide else 16, align=target.align)
        f.add('.strtab', STRTAB, 0, b'\0file\0local\0global\0')
    return f.build(tail)


def relocatable(target, seed='object'):
    f = File(target, REL_TYPE, seed)
    text = f.add('.text', PROGBITS, ALLOC | EXEC, patterned(300, seed), align=16)
    f.add('.data', PROGBITS, ALLOC | WRITE, patterned(40, seed + 'd'), align=8)
    info = f.add('.debug_info', PROGBITS, 0, patterned(500, seed + 'i'))
    f.add('.rela.debug_info', RELA, INFO_LINK, target.pack('NNN', 8, (2 << 32 if target.wide else 2 << 8) | 1, 4), link=5, info=info,
          entsize=24 if target.wide else 12, align=target.align)
    entries = [(0, 0, 0, 0, 0), (0, 0, 0, 3, text), (0, 0, 0, 3, info), (1, 0, 16, 0x12, text)]
    table = b''.join(symbol(target, *entry) for entry in entries)
    f.add('.symtab', SYMTAB, 0, table, link=6, info=3, entsize=len(table) // len(entries), align=target.align)
    f.add('.strtab', STRTAB, 0, b'\0main\0')
    f.add('.comment', PROGBITS, 0x30, b'behind\0', entsize=1)
    return f.build()


X86_64, AARCH64, S390X = Target(62, True, False), Target(183, True, False), Target(22, True, True)
ARM, I386, PPC32, RISCV64 = Target(40, False, False, 0x5000400), Target(3, False, False), Target(20, False, True), Target(243, True, False, 5)

SHAPES = {
    'x86-64-pie': program(X86_64),
    'x86-64-exec': program(X86_64, EXEC_TYPE),
    'x86-64-compressed': program(X86_64, squeeze=True),
    'x86-64-payload': program(X86_64, tail=b'payload' * 100),
    'x86-64-no-symbols': program(X86_64, symbols=False),
    'x86-64-stale-link': program(X86_64, extra=[('.gnu_debuglink', b'old.debug\0\0\0\1\2\3\4')]),
    'x86-64-kept-sections': program(X86_64, extra=[('.gnu_debugdata', patterned(80, 'xz')), ('.BTF', patterned(90, 'btf'))]),
    'aarch64-pie': program(AARCH64),
    's390x-pie': program(S390X),
    's390x-compressed': program(S390X, squeeze=True),
    'riscv64-exec': program(RISCV64, EXEC_TYPE),
    'arm-exec': program(ARM, EXEC_TYPE),
    'i386-pie': program(I386),
    'ppc-pie': program(PPC32),
    'ppc-compressed': program(PPC32, squeeze=True),
    'x86-64-object': relocatable(X86_64),
    's390x-object': relocatable(S390X),
}
