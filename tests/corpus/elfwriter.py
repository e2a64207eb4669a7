# SPDX-License-Identifier: Apache-2.0
"""Change 64-bit little-endian ELF files in ways that no linker does. Loadable bytes stay where they are."""
import struct

SHDR, EHDR = '<IIQQQQIIQQ', '<16sHHIQQQIHHHHHH'
NAME, TYPE, FLAGS, ADDR, OFFSET, SIZE, LINK, INFO, ALIGN, ENTSIZE = range(10)
SHT_NOBITS, SHF_ALLOC = 8, 2


class Writer:
    def __init__(self, path):
        with open(path, 'rb') as f:
            self.bytes = bytearray(f.read())
        self.ehdr = list(struct.unpack_from(EHDR, self.bytes))
        shoff, count, names = self.ehdr[6], self.ehdr[12], self.ehdr[13]
        self.shdrs = [list(struct.unpack_from(SHDR, self.bytes, shoff + 64 * i)) for i in range(count)]
        self.contents = [b'' if s[TYPE] in (0, SHT_NOBITS) else bytes(self.bytes[s[OFFSET]:s[OFFSET] + s[SIZE]])
                         for s in self.shdrs]
        self.names_index = names
        table = self.contents[names]
        self.names = [table[s[NAME]:table.index(b'\0', s[NAME])].decode() for s in self.shdrs]
        ends = [s[OFFSET] + s[SIZE] for s in self.shdrs if s[FLAGS] & SHF_ALLOC and s[TYPE] != SHT_NOBITS]
        for i in range(self.ehdr[10]):
            segment = struct.unpack_from('<IIQQQQQQ', self.bytes, self.ehdr[5] + 56 * i)
            ends.append(segment[2] + segment[5])
        self.loadable_end = max(ends)

    def index(self, name):
        return self.names.index(name)

    def loose(self):
        """Indexes of sections whose bytes are behind all loadable content, in order of offset."""
        found = [i for i, s in enumerate(self.shdrs) if i and s[TYPE] != SHT_NOBITS and s[OFFSET] >= self.loadable_end]
        return sorted(found, key=lambda i: self.shdrs[i][OFFSET])

    def rename(self, name, new):
        """In place: both names are of one length."""
        assert len(name) == len(new)
        i = self.names_index
        self.contents[i] = self.contents[i].replace(b'\0' + name.encode() + b'\0', b'\0' + new.encode() + b'\0')
        self.names[self.index(name)] = new

    def add(self, name, kind, content=b'', link=0, info=0, entsize=0):
        """Append a section that is not loaded; its index."""
        i = self.names_index
        at = len(self.contents[i])
        self.contents[i] += name.encode() + b'\0'
        self.shdrs[i][SIZE] = len(self.contents[i])
        self.shdrs.append([at, kind, 0, 0, self.loadable_end, len(content), link, info, 1, entsize])
        self.contents.append(content)
        self.names.append(name)
        return len(self.shdrs) - 1

    def save(self, path, order=None, table_after=None, alias=None, tail=b''):
        """Write it: loadable bytes, then the loose sections in `order`, the section header table behind the first
        `table_after` of them (None: all), and the tail. `alias` {section: other}: its bytes are those of the other."""
        order = self.loose() if order is None else order
        alias = alias or {}
        out = bytearray(self.bytes[:self.loadable_end])
        table_at = None

        def put_table():
            out.extend(bytes(-len(out) % 8))
            at = len(out)
            out.extend(bytes(64 * len(self.shdrs)))
            return at

        for n, i in enumerate(order):
            if n == table_after:
                table_at = put_table()
            if i in alias:
                continue
            out.extend(bytes(-len(out) % max(1, self.shdrs[i][ALIGN])))
            self.shdrs[i][OFFSET] = len(out)
            out.extend(self.contents[i])
        if table_at is None:
            table_at = put_table()
        for i, other in alias.items():
            self.shdrs[i][OFFSET] = self.shdrs[other][OFFSET]
            self.shdrs[i][SIZE] = min(self.shdrs[i][SIZE], self.shdrs[other][SIZE])
        for i, s in enumerate(self.shdrs):
            struct.pack_into(SHDR, out, table_at + 64 * i, *s)
        self.ehdr[6], self.ehdr[12] = table_at, len(self.shdrs)
        struct.pack_into(EHDR, out, 0, *self.ehdr)
        with open(path, 'wb') as f:
            f.write(out + tail)


def without_section_headers(path):
    with open(path, 'r+b') as f:
        f.seek(0x28)
        f.write(bytes(8))
        f.seek(0x3A)
        f.write(bytes(6))


def with_section_behind(data, name, content):
    """The bytes of any ELF file with one more section behind them, or None where that cannot be done."""
    wide, order = data[4] == 2, '<' if data[5] == 1 else '>'
    shape = order + ('IIQQQQIIQQ' if wide else '10I')
    place, at = ('Q', 0x28) if wide else ('I', 0x20)
    shoff, = struct.unpack_from(order + place, data, at)
    counts = 0x3A if wide else 0x2E
    size, count, names_index = struct.unpack_from(order + 'HHH', data, counts)
    if not 0 < names_index < count or size != struct.calcsize(shape) or not 0 < shoff <= len(data) - count * size:
        return None
    headers = [list(struct.unpack_from(shape, data, shoff + i * size)) for i in range(count)]
    old = headers[names_index]
    if old[TYPE] != 3 or old[OFFSET] + old[SIZE] > len(data):
        return None
    names = data[old[OFFSET]:old[OFFSET] + old[SIZE]] + b'\0' + name + b'\0'
    out = bytearray(data)
    headers.append([len(names) - len(name) - 1, 1, 0, 0, len(out), len(content), 0, 0, 1, 0])
    out += content
    if old[FLAGS] & SHF_ALLOC:  # its bytes are loaded and stay: the names go into a section of their own
        headers.append([old[NAME], 3, 0, 0, len(out), len(names), 0, 0, 1, 0])
        names_index = len(headers) - 1
    else:
        old[OFFSET], old[SIZE] = len(out), len(names)
    out += names
    out += bytes(-len(out) % 8)
    table = len(out)
    for header in headers:
        out += struct.pack(shape, *header)
    struct.pack_into(order + place, out, at, table)
    struct.pack_into(order + 'HH', out, counts + 2, len(headers), names_index)
    return bytes(out)
