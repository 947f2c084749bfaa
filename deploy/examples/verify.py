#!/usr/bin/env python3
"""Verifies what Annals signs, without Annals: proof bundles, copies for a person, receipts of erasures.

    ./verify.py --key 'log.example+1a2b3c4d+AX…' alert.proof
    ./verify.py --key … --against mine.checkpoint alert.proof
    ./verify.py --key … kit/                  # the folder of `annals subject`
    ./verify.py --key … erased.receipt

Python 3.8 or newer, nothing else: neither database, nor network, nor a line of the program that made the
bundle. The key must come to you on another way than the bundle. Ends with 0 where all is proved.

What is checked: C2SP signed notes (Ed25519, RFC 8032), RFC 6962 inclusion and consistency proofs, and that
each event is, byte for byte, the leaf that was signed. The curve's arithmetic is written for clarity, not
for speed, and verifies public data only.
"""

import argparse
import base64
import datetime
import hashlib
import json
import os
import sys
import uuid

# Ed25519: the field, the curve's constant, the order of the base point, the base point.
P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493
ROOT = pow(2, (P - 1) // 4, P)


class Wrong(Exception):
    """What is not proved, in a sentence."""


def x_of(y, odd):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and odd):
        return None
    return P - x if (x & 1) != odd else x


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = x_of(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def add(a, b):
    """Adds two points in extended coordinates."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return (i * j % P, k * m % P, j * k % P, i * m % P)


def times(number, point):
    sum_ = (0, 1, 1, 0)
    while number:
        if number & 1:
            sum_ = add(sum_, point)
        point, number = add(point, point), number >> 1
    return sum_


def point(encoded):
    y = int.from_bytes(encoded, "little")
    odd, y = y >> 255, y & (2**255 - 1)
    x = x_of(y, odd)
    return None if x is None else (x, y, 1, x * y % P)


def ed25519(public, message, signature):
    """Whether a signature fits (RFC 8032, 5.1.7)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r, s = point(public), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    left, right = times(s, BASE), add(r, times(int.from_bytes(digest, "little") % ORDER, a))
    same = lambda at: (left[at] * right[2] - right[at] * left[2]) % P == 0
    return same(0) and same(1)


def decoded(text):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Wrong("something that should be base64 is not")


class Key:
    """A verifier key: name+8 hexadecimal digits+base64."""

    def __init__(self, text):
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise Wrong("a verifier key looks like name+8 hexadecimal digits+base64")
        key = decoded(parts[2])
        self.name, self.kind, self.public = parts[0], key[:1], key[1:]
        self.id = hashlib.sha256(self.name.encode() + b"\n" + key).digest()[:4]
        if self.kind not in (b"\x01", b"\x04") or self.id.hex() != parts[1]:
            raise Wrong("a verifier key looks like name+8 hexadecimal digits+base64")

    @property
    def is_witness(self):
        return self.kind == b"\x04"

    def fits(self, body, signature):
        if not self.is_witness:
            return ed25519(self.public, body.encode(), signature)
        at = int.from_bytes(signature[:8], "big")
        text = f"cosignature/v1\ntime {at}\n{body}"
        return ed25519(self.public, text.encode(), signature[8:])


class Note:
    """A C2SP signed note."""

    def __init__(self, text):
        head, empty, below = text.rpartition("\n\n")
        if not empty or not below.endswith("\n"):
            raise Wrong("this is no signed note")
        self.body, self.signatures = head + "\n", []
        for line in below.splitlines():
            dash, name, signature = (line.split(" ") + ["", ""])[:3]
            if dash != "\u2014":
                raise Wrong("a line below the note is no signature")
            bytes_ = decoded(signature)
            self.signatures.append((name, bytes_[:4], bytes_[4:]))

    def signed_by(self, keys):
        """The keys that signed it. A signature under a key's name that does not fit is an alarm."""
        found = []
        for key in keys:
            for name, id_, signature in self.signatures:
                if (name, id_) == (key.name, key.id):
                    if not key.fits(self.body, signature):
                        raise Wrong(f"the signature by {key.name} does not fit the text")
                    found.append(key)
        if all(key.is_witness for key in found):
            raise Wrong("no key that is trusted signed this")
        return found


def checkpoint(text, keys, origin):
    note = Note(text)
    witnesses = [key.name for key in note.signed_by(keys) if key.is_witness]
    lines = note.body.split("\n")
    if len(lines) < 4 or lines[0] != origin:
        raise Wrong(f"this is no checkpoint of {origin}")
    if not lines[1].isdigit() or lines[1] != str(int(lines[1])):
        raise Wrong("the checkpoint has no size")
    return int(lines[1]), decoded(lines[2]), witnesses


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_included(leaf, index, size, proof, root):
    """RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        return False
    at, last, hash_ = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            hash_ = node(other, hash_)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            hash_ = node(hash_, other)
        at, last = at >> 1, last >> 1
    return last == 0 and hash_ == root


def is_consistent(old_size, old_root, size, root, proof):
    """RFC 9162, 2.1.4.2."""
    if old_size == size:
        return not proof and old_root == root
    if not 0 < old_size < size or not proof:
        return False
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for other in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node(other, old), node(other, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node(new, other)
        at, last = at >> 1, last >> 1
    return last == 0 and old == old_root and new == root


def microseconds(text):
    """A time as it stands in the bundle, as microseconds since 1970."""
    head, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.datetime.strptime(head, "%Y-%m-%dT%H:%M:%S")
    whole = (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1)
    return whole * 1_000_000 + int((fraction + "000000")[:6])


def leaf(event):
    """The RFC 6962 leaf hash over an event's stored bytes."""
    out = bytearray(b"\x00annals.event.v1\n")

    def text(value):
        bytes_ = value.encode()
        out.extend(len(bytes_).to_bytes(8, "big") + bytes_)

    text(event["aggregate_type"])
    text(event["aggregate_id"])
    out.extend(event["sequence"].to_bytes(8, "big", signed=True))
    text(event["event_type"])
    text(event["event_version"])
    out.extend(uuid.UUID(event["event_id"]).bytes)
    out.extend(microseconds(event["recorded_at"]).to_bytes(8, "big", signed=True))
    text(event["metadata"])
    text(event["payload"])
    return hashlib.sha256(out).digest()


def bundle(path, keys, origin, held):
    with open(path, encoding="utf-8", newline="") as file:
        lines = [line for line in file.read().split("\n") if line]
    head = json.loads(lines[0])
    if head.get("format") != "annals-proof-1":
        raise Wrong("this is no bundle that this program reads")
    size, root, witnesses = checkpoint(head["checkpoint"], keys, origin)
    events, continues = 0, None
    if held is not None and held[:2] == (size, root):
        continues = size
    for number, text in enumerate(lines[1:], 2):
        line = json.loads(text)
        if "older" in line:
            old_size, old_root, _ = checkpoint(line["older"], keys, origin)
            proof = [decoded(hash_) for hash_ in line["consistency"]]
            if not is_consistent(old_size, old_root, size, root, proof):
                raise Wrong(f"line {number}: this log is not a continuation of the older checkpoint")
            if held is not None and held[:2] == (old_size, old_root):
                continues = old_size
        else:
            proof = [decoded(hash_) for hash_ in line["proof"]]
            if not is_included(leaf(line), line["position"] - 1, size, proof, root):
                where = line["position"]
                raise Wrong(f"line {number}: the event at position {where} is not what was signed there")
            events += 1
            print(f"  {line['position']}  {line['recorded_at']}  {line['event_type']}  "
                  f"{line['aggregate_type']}/{line['aggregate_id']}")
    if held is not None and continues is None:
        raise Wrong("the bundle does not prove that it continues the checkpoint you hold")
    said = f"Proved: {events} events of the log {origin}, as it was signed over {size}."
    if continues is not None:
        said += f" It continues the checkpoint over {continues} that you hold."
    for name in witnesses:
        said += f" Cosigned by {name}."
    print(said)


def signed_text(text, keys, origin, kind):
    """The facts of a receipt or manifest."""
    note = Note(text)
    note.signed_by(keys)
    lines = note.body.splitlines()
    if lines[0] != f"{origin}/{kind}":
        raise Wrong(f"this is no {kind} of {origin}")
    return [tuple(line.split(" ", 1)) for line in lines[1:] if " " in line]


def copy(folder, keys, origin, held):
    with open(os.path.join(folder, "manifest"), encoding="utf-8", newline="") as file:
        facts = signed_text(file.read(), keys, origin, "subject-access")
    known = {"manifest"}
    for name, value in facts:
        if name != "file":
            print(f"  {name}: {value}")
            continue
        length, digest, file_name = value.split(" ", 2)
        if os.path.basename(file_name) != file_name:
            raise Wrong(f"{file_name} leads elsewhere")
        known.add(file_name)
        try:
            with open(os.path.join(folder, file_name), "rb") as file:
                bytes_ = file.read()
        except FileNotFoundError:
            raise Wrong(f"{file_name} is missing")
        if str(len(bytes_)) != length or hashlib.sha256(bytes_).hexdigest() != digest:
            raise Wrong(f"{file_name} is not the file that was signed")
    for file_name in os.listdir(folder):
        if file_name not in known:
            raise Wrong(f"{file_name} does not belong to what was signed")
    print(f"Signed by the log {origin}: {len(known) - 1} files, none changed.")
    if "events.proof" in known:
        bundle(os.path.join(folder, "events.proof"), keys, origin, held)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", help="a bundle, the folder of a copy, or a receipt")
    parser.add_argument("--key", action="append", required=True, help="a verifier key that you trust")
    parser.add_argument("--against", help="an older checkpoint that you hold")
    asked = parser.parse_args()
    try:
        keys = [Key(text) for text in asked.key]
        own = [key for key in keys if not key.is_witness]
        if not own:
            raise Wrong("give the log's own key, too")
        origin, held = own[0].name, None
        if asked.against:
            with open(asked.against, encoding="utf-8", newline="") as file:
                held = checkpoint(file.read(), keys, origin)
        if os.path.isdir(asked.what):
            copy(asked.what, keys, origin, held)
            return 0
        with open(asked.what, encoding="utf-8", newline="") as file:
            text = file.read()
        if text.startswith("{"):
            bundle(asked.what, keys, origin, held)
        else:
            for name, value in signed_text(text, keys, origin, "erasure-receipt"):
                print(f"  {name}: {value}")
            print(f"A receipt of the log {origin}, signed by it.")
        return 0
    except Wrong as wrong:
        print(f"NOT proved: {wrong}", file=sys.stderr)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        print(f"NOT proved: this cannot be read ({type(error).__name__})", file=sys.stderr)
    except OSError as error:
        print(f"{error}", file=sys.stderr)
        return 2
    return 1


if __name__ == "__main__":
    sys.exit(main())
