#!/usr/bin/env python3
"""right.py - an executable specification of the decision on rights, and its comparison with core.

usage: right.py PROGRAM [--long] [--seed N]

PROGRAM is tests/spec/right.c, which asks core. The specification (first part) was written from the
design and docs/format/security.md, not from core/right.c: it reads a context's bytes, collects every
defect of every chain, and has no order of checks. Signatures are symbols: one is good if and only if it
was made under the key that the record names, for the record's content.

The worlds (second part): every chain of depth 0 to 3 with no, one and two defects out of DEFECTS at any
places, in contexts that are sound or hostile, under masks, times, defaults, grants and undetachable
contexts; chains of gates the same, with defects of gates, which are asked for entry at ENTRIES; then chains
with more defects and contexts with changed words, by the seed.
"""
import hashlib
import itertools
import random
import struct
import subprocess
import sys
import time

# ---- the specification ------------------------------------------------------------------------------

DATA, PAGE, NEVER = 0x400000, 4096, 2**64 - 1
READ, WRITE, EXEC, USE, DELETE, ALL = 1, 2, 4, 8, 16, 31
DELEGATE, KEY, GATE = 1, 2, 4
DEPTH_MAX, CANDIDATES, PROBES = 8, 8, 64
NOBODY = bytes(16)

(NONE, DEFAULT, CAP, GRANT, MASKED, LIMITED, MALFORMED, STOLEN, BROKEN, SIGNER, UNDELEGABLE, WIDENED,
 EARLY, EXPIRED, FORGED, UNVERIFIED) = range(16)

RECORD = struct.Struct('<IHHII16s16s16sQQQQII32sQ48s64s')
(MAGIC, VERSION, ALG, PERMS, FLAGS, TARGET, ACCESSOR, SIGNED_BY, BEGIN, END, GATE_OFF, GATE_LEN, GATE_ALIGN,
 DEPTH, PARENT, SERIAL, RESERVED, SIG) = range(18)
HEADER = struct.Struct('<QIIIIQQQQQQ56s')
ENTRY = struct.Struct('<16sIIQ')
MASK = struct.Struct('<16sIIQ')
assert RECORD.size == 256 and HEADER.size == 128 and ENTRY.size == 32 and MASK.size == 32


def signature(key, content):
    """The symbol for this content's signature under this key."""
    return hashlib.blake2b(content, digest_size=8, key=key).digest()


def is_good(raw):
    return raw[192:200] == signature(raw[48:64], raw[:192])


def record_hash(raw):
    return hashlib.blake2b(raw, digest_size=32, person=b'twz-cap-1'.ljust(16, b'\0')).digest()


def read(data, offset, size):
    """Bytes of a context's data; None where nothing may be read."""
    at = offset - DATA
    if at < 0 or at + size > len(data) or at % 8 or at % PAGE + size > PAGE:
        return None
    return data[at:at + size]


def header_of(data):
    raw = read(data, DATA, HEADER.size)
    if raw is None:
        return None
    header = HEADER.unpack(raw)
    return header if header[0] == 0x7478637a7774 and header[1] == 1 else None


def entries(data, header, target):
    """The entries for a target, and whether the table could be searched to the end."""
    table, count = header[6], header[7]
    found = []
    if count & (count - 1):
        return found, False
    home = int.from_bytes(target[:8], 'little') ^ int.from_bytes(target[8:], 'little')
    for probe in range(count):
        if probe == PROBES:
            return found, False
        raw = read(data, (table + (home + probe) % count * ENTRY.size) % 2**64, ENTRY.size)
        if raw is None:
            return found, False
        entry = ENTRY.unpack(raw)
        if entry[1] == 0:
            break
        if entry[0] == target:
            found.append(entry)
    return found, True


def limit(data, target):
    """(global mask | override) & mask; nothing if that cannot be read."""
    header = header_of(data)
    if header is None:
        return 0
    found, whole = entries(data, header, target)
    masks = [entry for entry in found if entry[1] == 2]
    if not masks:
        return header[3] & ALL if whole else 0
    raw = read(data, masks[0][3], MASK.size)
    if raw is None or raw[:16] != target:
        return 0
    _, override, mask, _ = MASK.unpack(raw)
    return (header[3] | override) & mask & ALL


def chains(data, target):
    """The chains for a target, as lists of records, None for what is no chain."""
    header = header_of(data)
    looked = 0
    for entry in entries(data, header, target)[0] if header else ():
        if entry[1] != 1:
            continue
        at, left = entry[3], entry[2]
        while left and looked < CANDIDATES:
            looked += 1
            raw = read(data, at, RECORD.size)
            depth = RECORD.unpack(raw)[DEPTH] if raw else NEVER
            chain = None
            if depth <= DEPTH_MAX and depth < left:
                chain = [read(data, at + i * RECORD.size, RECORD.size) for i in range(depth + 1)]
            if chain is None or None in chain:
                yield None
                break
            yield chain
            at, left = at + len(chain) * RECORD.size, left - len(chain)


def expires(record):
    return record[END] or NEVER


def gate_entries(record):
    """The offsets at which a record with flag GATE lets in."""
    return range(record[GATE_OFF], record[GATE_OFF] + record[GATE_LEN], record[GATE_ALIGN]
                 ) if record[GATE_ALIGN] else ()


def gate_inside(record, parent):
    """Does a link's gate begin at one of its parent's entries, end inside, and align as coarsely?"""
    return (record[GATE_OFF] in gate_entries(parent) and
            record[GATE_OFF] + record[GATE_LEN] <= parent[GATE_OFF] + parent[GATE_LEN] and
            record[GATE_ALIGN] % parent[GATE_ALIGN] == 0)


def defects_of(raws, records, target, key, active, owners):
    """All that is wrong with a chain, whatever the time, as a set of reasons."""
    wrong = set()
    last = len(records) - 1
    for i, record in enumerate(records):
        if (record[MAGIC] != 0x20706163 or record[VERSION] != 1 or record[ALG] != 1 or
                record[PERMS] & ~ALL or record[FLAGS] & ~7 or any(record[RESERVED])):
            wrong.add(MALFORMED)  # R1
        if record[DEPTH] != last - i:
            wrong.add(MALFORMED)  # R3
        if record[TARGET] != (key if record[FLAGS] & KEY else target):
            wrong.add(BROKEN)  # R5
        if not is_good(raws[i]):
            wrong.add(FORGED)  # R11
        if i == last:
            continue
        parent = records[i + 1]
        if record[PARENT] != record_hash(raws[i + 1]):
            wrong.add(BROKEN)  # R4
        if record[FLAGS] & KEY and not parent[FLAGS] & KEY:
            wrong.add(BROKEN)  # R5
        signer = owners.get(parent[ACCESSOR], NOBODY)
        if signer == NOBODY or record[SIGNED_BY] != signer:
            wrong.add(SIGNER)  # R7
        if not parent[FLAGS] & DELEGATE:
            wrong.add(UNDELEGABLE)  # R8
        if (record[PERMS] & ~parent[PERMS] or record[BEGIN] < parent[BEGIN] or
                expires(record) > expires(parent) or (record[FLAGS] ^ parent[FLAGS]) & GATE or
                record[FLAGS] & GATE and not gate_inside(record, parent)):
            wrong.add(WIDENED)  # R9
    if records[0][ACCESSOR] != active:
        wrong.add(STOLEN)  # R2
    root = records[last]
    if any(root[PARENT]):
        wrong.add(MALFORMED)  # R3
    if key == NOBODY or root[SIGNED_BY] != key:
        wrong.add(SIGNER)  # R6
    return wrong


class Found:
    """
    What a context has for an object, whatever the time: chains as (perms, defects, lifetimes). With an
    offset, for entering it there, which counts as EXEC.
    """

    def __init__(self, data, active, target, key, owners, entry=None):
        self.chains = []
        self.limit = limit(data, target)
        for place in [target] + ([key] if key not in (NOBODY, target) else []):
            for raws in chains(data, place):
                if raws is None:
                    self.chains.append((ALL, {MALFORMED}, []))
                    continue
                records = [RECORD.unpack(raw) for raw in raws]
                if bool(records[0][FLAGS] & GATE) != (entry is not None):
                    continue
                wrong = defects_of(raws, records, target, key, active, owners)
                perms = records[0][PERMS]
                if entry is not None:
                    perms = EXEC if entry in gate_entries(records[0]) else 0
                if MALFORMED in wrong:
                    perms = ALL
                self.chains.append((perms, wrong, [(r[BEGIN], expires(r)) for r in records]))

    def given(self, now):
        """What the capabilities give at that time, and for each bit the reasons why not, as a bit set."""
        perms, why = 0, [0] * 5
        for gives, wrong, lives in self.chains:
            early = any(now < begin for begin, _ in lives)
            late = any(now >= end for _, end in lives)
            if not wrong and not early and not late:
                perms |= gives
                continue
            reasons = sum(1 << w for w in wrong) | early << EARLY | late << EXPIRED
            for bit in range(5):
                if gives >> bit & 1:
                    why[bit] |= reasons
        return perms, why

    def next_event(self, now):
        return min((t for _, _, lives in self.chains for life in lives for t in life if t > now),
                   default=NEVER)


def answer(found, given, why, others, defaults, grants):
    """(effective, granted, for each bit the reasons that are right, as a bit set)."""
    own = found.limit if found else ALL
    rest = ALL
    for other in others:
        rest &= other
    granted = defaults | grants | given
    effective = granted & own & rest
    reasons = []
    for bit in range(5):
        b = 1 << bit
        if effective & b:
            right = bool(defaults & b) << DEFAULT | bool(given & b) << CAP | bool(grants & b) << GRANT
        elif granted & b:
            right = (not own & b) << MASKED | (not rest & b) << LIMITED
        else:
            right = why[bit] or 1 << NONE
        reasons.append(right)
    return effective, granted, reasons


# ---- the worlds -------------------------------------------------------------------------------------


def name(text):
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


O1, O2, K1, K2 = name('O1'), name('O2'), name('K1'), name('K2')
A, B, C, D, KEYLESS, NOWHERE = (name('context ' + c) for c in 'ABCDEF')
OWNERS = {c: name('key of ' + n) for c, n in ((A, 'A'), (B, 'B'), (C, 'C'), (D, 'D'))}
OWNERS[KEYLESS] = NOBODY
HOLDERS = [A, B, C, D]  # by place in the chain, the capability itself first
NOWS = [50, 100, 150, 200, 250]
TIMES = [100, 200]  # the only ones at which anything may change


def sign(record, key):
    """The record's bytes with a signature by that key: a symbol, and for the program its verdict."""
    content = RECORD.pack(*record)[:192]
    return with_signature(content, signature(key, content))


def with_signature(content, symbol):
    return content + symbol + bytes([is_good(content + symbol)]) + bytes(55)


def field(number, value):
    def change(record):
        record[number] = value
    return change


def toggle(number, bits):
    def change(record):
        record[number] ^= bits
    return change


# What is done to a record before it is hashed and signed: its maker holds the keys.
BEFORE = [
    field(MAGIC, 0x20706164), field(VERSION, 2), field(ALG, 2), toggle(PERMS, 32), toggle(FLAGS, 8),
    field(RESERVED, bytes(47) + b'\1'), field(DEPTH, 0), field(DEPTH, 1), field(DEPTH, 9),
    field(SIGNED_BY, OWNERS[B]), field(SIGNED_BY, K1), field(SIGNED_BY, NOBODY), field(ACCESSOR, A),
    field(ACCESSOR, B), field(ACCESSOR, KEYLESS), field(ACCESSOR, NOWHERE), field(TARGET, O2),
    field(TARGET, K1), field(TARGET, NOBODY), toggle(FLAGS, KEY), toggle(FLAGS, DELEGATE),
    toggle(FLAGS, GATE), field(PERMS, ALL), field(PERMS, READ), field(BEGIN, 100), field(BEGIN, 200),
    field(END, 100), field(END, 200),
]
# And after: another key signs, another content was signed, another parent is named.
FORGE, TAMPER, ORPHAN = range(len(BEFORE), len(BEFORE) + 3)
DEFECTS = len(BEFORE) + 3
# To a gate, before it is signed, too: a gate has entries at 64, 80, 96 and 112.
GATES = [
    field(GATE_OFF, 63), field(GATE_OFF, 65), field(GATE_OFF, 80), field(GATE_OFF, 128),
    field(GATE_OFF, NEVER - 15), field(GATE_LEN, 0), field(GATE_LEN, 1), field(GATE_LEN, 48),
    field(GATE_LEN, 65), field(GATE_LEN, NEVER), field(GATE_ALIGN, 0), field(GATE_ALIGN, 1),
    field(GATE_ALIGN, 8), field(GATE_ALIGN, 24), field(GATE_ALIGN, 32), field(GATE_ALIGN, 2**32 - 1),
]
WITH_GATES = DEFECTS + len(GATES)


def make_chain(depth, by_key, perms, defects, gate=False):
    """A chain, sound but for the defects, each (place, number); the capability itself first."""
    flag, *fields = (GATE, 64, 64, 16) if gate else (0, 0, 0, 0)
    raws = [b''] * (depth + 1)
    for i in range(depth, -1, -1):
        of_key = by_key and (i == depth or by_key > 1)
        record = [0x20706163, 1, 1, perms, (KEY if of_key else 0) | (DELEGATE if i else 0) | flag,
                  K1 if of_key else O1, HOLDERS[i], K1 if i == depth else OWNERS[HOLDERS[i + 1]], 0, 0,
                  *fields, depth - i, record_hash(raws[i + 1]) if i < depth else bytes(32), i,
                  bytes(48), bytes(64)]
        mine = [number for place, number in defects if place == i]
        for number in mine:
            if number < len(BEFORE):
                BEFORE[number](record)
            elif number >= DEFECTS:
                GATES[number - DEFECTS](record)
        if ORPHAN in mine:
            record[PARENT] = b'\5' + record[PARENT][1:]
        raw = sign(record, K2 if FORGE in mine else record[SIGNED_BY])
        if TAMPER in mine:
            raw = with_signature(raw[:136] + b'\x99' + raw[137:192], raw[192:200])
        raws[i] = raw
    return raws


def make_context(variant, runs, global_mask=ALL, mask=None, entries_log=3):
    """A context's data. runs: (target, records). The variant is how it is laid out, or what lies."""
    size = 1 << entries_log
    table = [ENTRY.pack(NOBODY, 0, 0, 0)] * size
    base = 128 + size * 32 + 32
    base += -base % 256
    body = b''

    def put(target, kind, count, off):
        home = int.from_bytes(target[:8], 'little') ^ int.from_bytes(target[8:], 'little')
        for probe in range(size):
            i = (home + probe) % size
            if table[i][16] == 0:
                table[i] = ENTRY.pack(target, kind, count, off)
                return

    for target, records in runs:
        put(target, 1, len(records), DATA + base + len(body))
        body += b''.join(records)
    mask_raw = bytes(32)
    if mask is not None:
        mask_raw = MASK.pack(mask[0], mask[1], mask[2], 0)
        put(O1, 2, 1, DATA + 128 + size * 32)
    fields = [0x7478637a7774, 1, 0, global_mask, 0, 1, DATA + 128, size, 0, 0, 0, bytes(56)]
    if variant:
        variant(fields, table)
    data = HEADER.pack(*fields) + b''.join(table) + mask_raw
    return data + bytes(base - len(data)) + body


def header_word(number, value):
    def lie(fields, table):
        fields[number] = value
    return lie


def entry_word(number, value):
    def lie(fields, table):
        for i, raw in enumerate(table):
            entry = list(ENTRY.unpack(raw))
            if entry[1]:
                entry[number] = value(entry[number])
                table[i] = ENTRY.pack(*entry)
    return lie


def fill(fields, table):
    for i, raw in enumerate(table):
        if raw[16] == 0:
            table[i] = ENTRY.pack(name('other'), 1, 1, DATA)


LIES = [
    header_word(0, 1), header_word(1, 2), header_word(6, 0), header_word(6, DATA - 32),
    header_word(6, DATA + 132), header_word(6, 2**64 - 32), header_word(6, DATA + 2**40),
    header_word(6, DATA + PAGE - 16), header_word(7, 0), header_word(7, 3), header_word(7, 6),
    header_word(7, 4), header_word(7, 64), header_word(7, 2**40), header_word(7, 2**63),
    header_word(7, NEVER), header_word(3, NEVER % 2**32), header_word(3, 0),
    entry_word(1, lambda kind: 0), entry_word(1, lambda kind: 7), entry_word(1, lambda kind: 3 - kind),
    entry_word(2, lambda count: 0), entry_word(2, lambda count: 1), entry_word(2, lambda count: count + 9),
    entry_word(2, lambda count: 2**32 - 1), entry_word(3, lambda off: 0), entry_word(3, lambda off: off + 4),
    entry_word(3, lambda off: off + 8), entry_word(3, lambda off: off - 256), entry_word(3, lambda off: off + 256),
    entry_word(3, lambda off: NEVER - 7), entry_word(3, lambda off: DATA + 2**33), fill,
]

MASKS = [None, None, None, (O1, 0, 31), (O1, 0, 21), (O1, 31, 31), (O1, 4, 6), (O1, 0, 0), (O2, 31, 31),
         (O1, 2**32 - 1, 2**32 - 1)]
GLOBALS = [31, 31, 31, 31, 0, 3, 28]
GIVES = [READ | WRITE, EXEC | USE, DELETE]


def defect_sets(depth):
    """No, one and two defects at any places of a chain."""
    spots = list(itertools.product(range(depth + 1), range(DEFECTS)))
    yield ()
    yield from ((spot,) for spot in spots)
    yield from itertools.combinations(spots, 2)


def gate_defects(depth):
    """Of a chain of gates: no and one defect at any place, and two of gates."""
    yield ()
    yield from ((spot,) for spot in itertools.product(range(depth + 1), range(WITH_GATES)))
    yield from itertools.combinations(
        itertools.product(range(depth + 1), range(DEFECTS, WITH_GATES)), 2)


def grouped(specs, rng):
    """Contexts out of chains (depth, by_key, defects, gate), three in each, with other permissions each."""
    for number in itertools.count():
        group = list(itertools.islice(specs, 3))
        if not group:
            return
        runs, mixed = [], []
        for spec, perms in zip(group, GIVES):
            chain = make_chain(spec[0], spec[1], perms, spec[2], spec[3])
            found = K1 if spec[1] and (spec[0] == 0 or spec[1] > 1) else O1
            if number % 3:
                runs.append((found, chain))
            else:
                mixed += chain
        if mixed:
            runs.append((K1 if number % 2 else O1, mixed))
        lie = rng.choice(LIES) if number % 16 == 15 else None
        yield make_context(lie, runs, GLOBALS[number % 7], MASKS[number % 10])


def systematic(rng):
    specs = ((depth, by_key, defects, False) for depth in range(4)
             for by_key in ((0, 1, 2) if depth < 3 else (1,)) for defects in defect_sets(depth))
    yield from grouped(specs, rng)
    sound = [(O1, make_chain(2, 1, READ | WRITE, ())), (K1, make_chain(0, 1, EXEC, ()))]
    for lie, log in itertools.product([None] + LIES, (1, 2, 3, 7)):
        for mask in MASKS[2:]:
            yield make_context(lie, sound, ALL, mask, log)
    crowd = [(O1, make_chain(0, 0, READ, ((0, FORGE),)) * n + make_chain(0, 0, WRITE, ()))
             for n in range(6, 10)]
    deep = make_chain(3, 0, READ, ()) + make_chain(3, 0, WRITE, ())
    for run in crowd + [(O1, deep), (O1, deep[1:]), (O1, deep[:-1]), (K1, deep)]:
        yield make_context(None, [run])


def with_gates(rng):
    specs = ((depth, by_key, defects, True) for depth in range(4)
             for by_key in ((0, 1, 2) if depth < 2 else (1,)) for defects in gate_defects(depth))
    yield from grouped(specs, rng)


def damaged(rng, count):
    """Chains with any defects; contexts of which some words were changed."""
    def specs():
        for _ in range(3 * count):
            depth = rng.randrange(4)
            gate = rng.randrange(3) == 0
            yield (depth, rng.randrange(3),
                   [(rng.randrange(depth + 1), rng.randrange(WITH_GATES if gate else DEFECTS))
                    for _ in range(rng.choice((0, 1, 2, 3, 4)))], gate)
    for data in grouped(specs(), rng):
        words = list(struct.unpack('<%dQ' % (len(data) // 8), data))
        for _ in range(rng.choice((0, 0, 1, 2))):
            at = rng.randrange(len(words) if rng.randrange(2) else 48)
            words[at] = rng.choice((0, 1, 2**rng.randrange(64), words[at] ^ 1 << rng.randrange(64),
                                    rng.choice(words)))
        yield with_verdicts(struct.pack('<%dQ' % len(words), *words))


def with_verdicts(data):
    """Tells the program the verdict of each record that was good before its words were changed."""
    out = bytearray(data)
    for at in range(0, len(data) - 255, 64):
        if data[at:at + 4] == b'cap ' and not is_good(data[at:at + 256]):
            out[at + 200] = 0
    return bytes(out)


QUERIES = [(O1, K1), (O2, K1), (K1, K2), (O1, NOBODY)]
GIVEN = [(0, 0, None), (READ, WRITE, None), (READ | EXEC, EXEC, None)]  # defaults, grants, entry
ENTRIES = [(0, 0, None), (0, 0, 64), (READ | EXEC, EXEC, 80), (0, 0, 88), (0, 0, 128)]
ABSENT = 0xffffffff  # in the place of a context's number

WORLD = struct.Struct('<16s16sQQIIIBBBx')
ANSWER = struct.Struct('<Q11B5x')


class Mismatch(Exception):
    pass


def expected(found, others, defaults, grants, entry):
    """For each time: what the answer must be (with the bounds of its `until`)."""
    states = []
    if entry is not None:
        defaults = grants = 0  # they let nobody in
    for now in NOWS:
        given, why = found.given(now) if found else (0, [0] * 5)
        states.append(answer(found, given, why, others, defaults, grants))
    base = (defaults | grants) & (found.limit if found else ALL)
    for other in others:
        base &= other
    for i, now in enumerate(NOWS):
        least = found.next_event(now) if found else NEVER
        change = next((t for j, t in enumerate(NOWS) if j > i and t in TIMES and
                       states[j][0] != states[i][0]), NEVER)
        yield now, states[i], least, change, base


def check(want, got):
    (_, (effective, granted, reasons), least, change, base) = want
    until, has, gives, cold, cold_first, pending, rounds = got[:7]
    if has != effective:
        return 'effective is %#x, not %#x' % (has, effective)
    if gives != granted:
        return 'granted is %#x, not %#x' % (gives, granted)
    if not least <= until <= change:
        return 'until is %d, not from %d to %d' % (until, least, change)
    if cold != effective:
        return 'cold, effective is %#x, not %#x' % (cold, effective)
    if cold_first != base:
        return 'without a verdict, effective is %#x, not %#x' % (cold_first, base)
    if pending & base or effective & ~base & ~pending:
        return 'pending is %#x: from %#x to %#x' % (pending, base, effective)
    if rounds == 255:
        return 'verdicts are asked for without end'
    for bit in range(5):
        if not reasons[bit] >> got[7 + bit] & 1:
            return 'bit %d: the reason is %d, none of %#x' % (bit, got[7 + bit], reasons[bit])
    return None


class Comparison:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.worlds = self.wrong = self.given = 0
        limit_a = make_context(None, [], ALL, (O1, 0, 23))
        limit_b = make_context(None, [], READ | USE, (O1, WRITE, 31))
        self.fixed = [(B, limit_a), (C, limit_b), (D, bytes(128))]
        self.others = [(ABSENT, ABSENT), (1, 0), (2, ABSENT)]

    def batch(self, datas, asked):
        datas = [(A, data) for data in datas]
        contexts = self.fixed + datas
        out = [struct.pack('<III', len(OWNERS), len(contexts), 0)]
        out += [c + k for c, k in OWNERS.items()]
        out += [c + struct.pack('<Q', len(d)) + d for c, d in contexts]
        wants, worlds = [], []
        for target, key in QUERIES:
            limits = [limit(d, target) for _, d in self.fixed]
            for number in [ABSENT] * (not self.worlds) + list(range(len(self.fixed), len(contexts))):
                found = dict.fromkeys(entry for _, _, entry in asked)
                for entry in found if number != ABSENT else ():
                    found[entry] = Found(contexts[number][1], A, target, key, OWNERS, entry)
                for others, (defaults, grants, entry) in itertools.product(self.others, asked):
                    rest = [limits[o] for o in others if o != ABSENT]
                    for want in expected(found[entry], rest, defaults, grants, entry):
                        wants.append(want)
                        worlds.append(WORLD.pack(target, key, want[0], entry or 0, number, others[0],
                                                 others[1], defaults, grants, entry is not None))
        out[0] = struct.pack('<III', len(OWNERS), len(contexts), len(worlds))
        self.process.stdin.write(b''.join(out))
        self.process.stdin.write(b''.join(worlds))
        self.process.stdin.flush()
        raw = self.process.stdout.read(len(worlds) * ANSWER.size)
        if len(raw) != len(worlds) * ANSWER.size:
            raise Mismatch('the program ended: status %s' % self.process.wait())
        for i, got in enumerate(ANSWER.iter_unpack(raw)):
            why = check(wants[i], got)
            self.given += got[1] != 0
            if why:
                self.report(why, worlds[i], contexts)
        self.worlds += len(worlds)

    def report(self, why, world, contexts):
        self.wrong += 1
        if self.wrong > 5:
            return
        (target, key, now, entry, active, first, second, defaults, grants,
         entering) = WORLD.unpack(world)
        entry = entry if entering else None
        print('DIFFERS: %s' % why)
        print('  object %s key %s now %d defaults %d grants %d entry %s limits %d %d' % (
            target.hex(), key.hex(), now, defaults, grants, entry, first, second))
        if active != ABSENT:
            found = Found(contexts[active][1], A, target, key, OWNERS, entry)
            print('  limit %d chains %s' % (found.limit, found.chains))
            print('  context %s' % contexts[active][1].hex())


def main(arguments):
    long = '--long' in arguments
    seed = int(arguments[arguments.index('--seed') + 1]) if '--seed' in arguments else 1
    rng = random.Random(seed)
    comparison = Comparison(arguments[0])
    began = time.time()
    for contexts, asked in ((systematic(rng), GIVEN), (with_gates(rng), ENTRIES),
                            (damaged(rng, 60000 if long else 500), GIVEN + ENTRIES[1:3])):
        for batch in iter(lambda: list(itertools.islice(contexts, 64)), []):
            comparison.batch(batch, asked)
    print('seed %d: %d worlds, %d with any right, %d differ, %.1f s' % (
        seed, comparison.worlds, comparison.given, comparison.wrong, time.time() - began))
    enough = comparison.worlds >= 1000000
    if not enough:
        print('FAILED: too few worlds')
    comparison.process.stdin.close()
    failed = comparison.wrong or comparison.process.wait() != 0 or not enough
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
