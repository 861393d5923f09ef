"""Makes safetensors_headers.json, the verdict of the reference implementation on 1,000 headers: pip install safetensors
(0.8.0), then run this file here.

A case is [header, data size, verdict]: the header's bytes as characters of Latin-1; the verdict null where it is
refused, else a list of [name, dtype, shape, begin, end], begin and end null for a tensor without elements.
"""
import json
import random
import struct

from safetensors import SafetensorError, deserialize

SIZES = {'F64': 8, 'I64': 8, 'F32': 4, 'I32': 4, 'U8': 1, 'BOOL': 1, 'F16': 2, 'I8': 1}
NAMES = ['a', 'b', '0', '7', '', 'layer.0.weight', '__proto__', 'constructor', 'größe', 'π"', 'back\\slash', 'tab\t',
         '😀', '\x7f']
NUMBERS = ['-1', '-0', '1.0', '1e0', '1E+2', '01', '+1', '0x1', '.5', 'NaN', 'true', 'null', '"1"', '[1]', '{}', '',
           '9007199254740991', '9007199254740993', '4294967296', '1099511627776', '18446744073709551615',
           '18446744073709551616', '1' * 400]
SHAPES = ['1', '0', '2', '1' + ',1' * 55, '1' + ',1' * 63, '1' + ',1' * 64, '1' + ',1' * 70, '0,9007199254740991',
          '0,9007199254740993', '1099511627776,1099511627776,0', '0,1099511627776,1099511627776']
DTYPES = ['"f32"', '"toString"', '""', 'null', '7', '["F32"]', '{"F32":null}', '"U\\u0038"', '"I16"']
FIELDS = ['"x":1', '"":null', '"DTYPE":"F32"', '"x":' + '[' * 200 + ']' * 200, '"x":[{"y":[]}]']
ENTRIES = ['"__metadata__":{}', '"__metadata__":{"dtype":"U8"}', '"\\ud800":{}', 'a:{}', '']
TEXTS = ['1', 'null', '{}', '[]', '"\\ud800"', '"\\ud83d\\ude00"', '"\\udc00\\ud800"', '"\\u00e9"', '"\\x"', '"\\u12"',
         '"\\u12G4"', '"a\nb"', '"a\\nb\\/\\b\\f\\r\\t"', "'a'", '"open', '"\\u0000"', '"\x00"']
METADATA = ['null', '[]', '""', '{}', '1', 'nul', 'nullx']
NOT_UTF8 = [b'\xff', b'\xc0\x80', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xe2\x82', b'\0']

# Edges that chance would seldom find, alone in a header.
EDGES = ['{}', '', '[]', '{"__metadata__":{}}', '{"__metadata__":{},"__metadata__":{}}']
EDGES += [f'{{"__metadata__":{{"x":{text}}}}}' for text in TEXTS] + [f'{{"__metadata__":{m}}}' for m in METADATA]
EDGES += [f'{{"a":{{"dtype":"U8","shape":[0,{n}],"data_offsets":[0,0]}}}}' for n in NUMBERS + SHAPES]
EDGES += [f'{{"a":{{"dtype":"U8","shape":[{n},0],"data_offsets":[0,0]}}}}' for n in NUMBERS + SHAPES]
EDGES += [f'{{"a":{{"dtype":"U8","shape":[0],"data_offsets":[{n},{n}]}}}}' for n in NUMBERS]

r = random.Random(11)


def string(text):
    """A JSON string, with some characters escaped that need not be."""
    quoted = json.dumps(text, ensure_ascii=r.random() < 0.5)
    if r.random() < 0.2 and text and text[0].isalnum():
        quoted = f'"\\u{ord(text[0]):04X}{quoted[2:] if ord(text[0]) < 128 else json.dumps(text[1:])[1:]}'
    return quoted


def space():
    return r.choice(['', '', '', '', ' ', '\n', '\t', '\r', ' \n '])


def tensor(dtype, shape, begin, end):
    fields = [f'"dtype"{space()}:{dtype}', f'"shape":{space()}{shape}', f'"data_offsets":[{begin},{space()}{end}]']
    r.shuffle(fields)
    return fields


def header():
    """A valid header: what it consists of, as it may be spoilt, and the size of its data."""
    tensors, position = [], 0
    for name in r.sample(NAMES, r.randint(0, 4)):
        dtype = r.choice(list(SIZES)[:6] if r.random() < 0.95 else list(SIZES))
        shape = [r.randint(0 if r.random() < 0.15 else 1, 3) for _ in range(r.randint(0, 3))]
        count = 1
        for size in shape:
            count *= size
        end = position + count * SIZES[dtype]
        if end > 240:
            continue
        tensors.append([name, dtype, shape, position, end])
        position = end
    r.shuffle(tensors)
    metadata = None
    if r.random() < 0.4:
        metadata = {name: r.choice(['', 'text', 'ü', '{"a":1}']) for name in r.sample(NAMES, r.randint(0, 3))}
    return tensors, metadata, position


def spoil(text):
    """Damage of the text as a whole."""
    data = text.encode()
    kind = r.randint(0, 7)
    at = r.randrange(len(data) + 1)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data + r.choice([b'\0', b'{}', b',', b' ', b'\n \t', b'\x0b', b'\xc2\xa0', b'//', b'}'])
    if kind == 2:
        return r.choice([b'\xef\xbb\xbf', b' ', b'\n', b'[', b'\0', b'/**/']) + data
    if kind == 3:
        return data[:at] + r.choice(NOT_UTF8) + data[at:]
    if kind == 4:
        return data[:at] + bytes([r.choice(b'{}[]:,"\\ 0a')]) + data[at:]
    if kind == 5:
        return data[:at] + data[at + 1:]
    if kind == 6:
        return data[:at] + bytes([r.randrange(256)]) + data[at + 1:]
    return data.replace(b'}', r.choice([b',}', b']', b'}}']), 1)


KINDS = ['none'] * 8 + ['text'] * 6 + ['number'] * 3 + ['shape', 'metadata', 'size'] * 2
KINDS += ['offset', 'dtype', 'field', 'twice', 'lack', 'name', 'value']


def case():
    tensors, metadata, size = header()
    damage = r.choice(KINDS)
    victim = r.randrange(len(tensors)) if tensors else -1
    entries = []
    for i, (name, dtype, shape, begin, end) in enumerate(tensors):
        sizes = [str(n) for n in shape]
        begin, end, quoted = str(begin), str(end), f'"{dtype}"'
        if i == victim:
            if damage == 'number':
                number, where = r.choice(NUMBERS), r.randint(0, 2)
                if where == 0 and sizes:
                    sizes[r.randrange(len(sizes))] = number
                elif where == 1:
                    begin = number
                else:
                    end = number
            if damage == 'shape':
                sizes.insert(r.randint(0, len(sizes)), r.choice(SHAPES))
            if damage == 'offset':
                more = str(int(begin) + 1), str(int(end) + 1)
                begin, end = r.choice([(end, begin), (begin, more[1]), more, ('0', end), (end, end)])
            if damage == 'dtype':
                quoted = r.choice(DTYPES)
        fields = tensor(quoted, f'[{f"{space()},".join(sizes)}]', begin, end)
        if i == victim:
            if damage == 'field':
                fields.insert(r.randint(0, 3), r.choice(FIELDS))
            if damage == 'twice':
                fields.append(r.choice(fields))
            if damage == 'lack':
                fields.pop()
        body = f'{{{",".join(fields)}}}'
        if i == victim and damage == 'value':
            body = r.choice(['null', '[]', '{}', '1', '""', f'[{quoted},[{",".join(sizes)}],[{begin},{end}]]'])
        entries.append(f'{space()}{string(name)}{space()}:{space()}{body}{space()}')
    if damage == 'name':
        entries.append(r.choice([*entries, *entries, *ENTRIES]))
    if metadata is not None or damage == 'metadata':
        texts = [f'{string(k)}:{space()}{string(v)}' for k, v in (metadata or {}).items()]
        if damage == 'metadata':
            texts.append(r.choice([*texts, f'"x":{r.choice(TEXTS)}', f'{r.choice(TEXTS)}:""', '"x"', ':']))
        whole = f'{{{",".join(texts)}}}'
        if damage == 'metadata' and r.random() < 0.3:
            whole = r.choice(METADATA)
        entries.insert(r.randint(0, len(entries)), f'"__metadata__":{whole}')
    text = f'{{{",".join(entries)}}}' + ' ' * r.choice([0, 0, 3])
    if damage == 'size':
        size = max(0, size + r.choice([-1, 1, 8]))
    return spoil(text) if damage == 'text' else text.encode(), size


def verdict(data, size):
    content = bytes(7 * i % 256 for i in range(size))
    try:
        tensors = deserialize(struct.pack('<Q', len(data)) + data + content)
    except SafetensorError:
        return None
    result = []
    for name, t in tensors:
        begin = content.find(bytes(t['data'])) if t['data'] else None
        result.append([name, t['dtype'], t['shape'], begin, None if begin is None else begin + len(t['data'])])
    return sorted(result)


inputs = [(text.encode(), 0) for text in EDGES]
inputs += [case() for _ in range(1000 - len(inputs))]
cases = [[data.decode('latin-1'), size, verdict(data, size)] for data, size in inputs]
accepted = sum(v is not None for _, _, v in cases)
print(f'{accepted} of {len(cases)} accepted')
with open('safetensors_headers.json', 'w') as file:
    file.write('[\n' + ',\n'.join(json.dumps(c, separators=(',', ':')) for c in cases) + '\n]\n')
