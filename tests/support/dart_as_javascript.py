"""Makes JavaScript of the Dart client's readers of files and of its rule for other tries, so that they can be run where
there is no Dart.

It knows no more of Dart than those files use, which keep to what both languages have: it takes the types away, writes
`new` and `this`, and gives a few methods their JavaScript names. What is left over fails when it runs.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.service_process import ROOT

SOURCE = ROOT / "clients/dart"
READERS = SOURCE / "lib/src/hash"

_TYPE = r"(?:void|int|bool|String|_?[A-Z]\w*)(?:<.*?>+)?\??"
_HEAD = re.compile(rf"^(?P<indent> *){_TYPE} (?P<name>\w+)\((?P<parameters>.*?)\) (?P<rest>=> .*;|\{{)$")
_CONSTRUCTOR = re.compile(r"^  (?:const )?(?P<name>_?[A-Z]\w*)\((?P<parameters>.*)\)(?P<rest>;| \{)$")
_FIELD = re.compile(rf"^  (?:final )?{_TYPE} (?P<name>\w+)(?P<rest>;| = .*;)$")
_LOCAL = re.compile(rf"^(?P<indent> +){_TYPE} (?P<name>\w+)(?P<rest>;| = .*;)$")
_COMMENT = re.compile(r"^ *//.*$|  ?//$")
_IN_LINE = (
    (re.compile(r"\br'([^']*)'"), r"String.raw`\1`"),
    (re.compile(r"<\w+>\["), "["),
    (re.compile(r"\bconst (?=_?[A-Z]\w*\()"), ""),
    (re.compile(r"(?<![.\w:])(_?[A-Z]\w*)\("), r"new \1("),
    (re.compile(r"<int, [\w<>]+>\{\}"), "new DartMap()"),
    (re.compile(r"\bfinal (\w+) in\b"), r"const \1 of"),
    (re.compile(r"\bfinal (?=\w+ =)"), "const "),
    (re.compile(r"\bvar (?=\w+ =)"), "let "),
    (re.compile(r"(\w+) ~/ (\w+)"), r"Math.floor(\1 / \2)"),
    (re.compile(r"(?<=[\])\w])!(?=[).;,])"), ""),
    (re.compile(r" implements Exception"), ""),
)

_OF_DART = """
const int = { parse: Number };
// As in Dart, and unlike JavaScript, an index outside of a list of bytes is an error.
const isOutside = (bytes, key) => typeof key === "string" && /^(-?\\d.*|NaN|undefined)$/.test(key) && !(key in bytes);
const withBounds = {
  get(bytes, key) {
    if (isOutside(bytes, key)) throw new RangeError(`no byte ${key}`);
    const value = Reflect.get(bytes, key, bytes);
    return typeof value === "function" ? value.bind(bytes) : value;
  },
  set(bytes, key, value) {
    if (isOutside(bytes, key)) throw new RangeError(`no byte ${key}`);
    return Reflect.set(bytes, key, value, bytes);
  },
};
const bounded = (bytes) => new Proxy(bytes, withBounds);
const listOf = (type) => class {
  // The larger ones are what is inflated, in megabytes: it keeps inside by its own count.
  constructor(length) { return length > 512 ? new type(length) : bounded(new type(length)); }
  static fromList(values) { return bounded(type.from(values)); }
  static sublistView(data, start, end) { return bounded(data.subarray(start, end)); }
};
const Uint8List = listOf(Uint8Array), Uint16List = listOf(Uint16Array), Uint32List = listOf(Uint32Array);
class DartMap {
  #map = new Map();
  get length() { return this.#map.size; }
  get entries() { return [...this.#map].map(([key, value]) => ({ key, value })); }
  containsKey(key) { return this.#map.has(key); }
  putIfAbsent(key, make) {
    if (!this.#map.has(key)) this.#map.set(key, make());
    return this.#map.get(key);
  }
}
const give = (type, more) => {
  for (const [name, made] of Object.entries(Object.getOwnPropertyDescriptors(more))) {
    Object.defineProperty(type.prototype, name, { ...made, enumerable: false });
  }
};
const sized = { get isEmpty() { return this.length === 0; }, get isNotEmpty() { return this.length > 0; } };
give(Object.getPrototypeOf(Uint8Array), {
  setAll(at, values) { this.set(values, at); },
  fillRange(start, end, value) { this.fill(value, start, end); },
});
give(Object.getPrototypeOf(Uint8Array), sized);
give(Array, sized);
give(Array, { add(value) { this.push(value); }, addAll(values) { this.push(...values); },
  contains(value) { return this.includes(value); }, any(test) { return this.some(test); } });
give(String, { contains(text) { return this.includes(text); }, codeUnitAt(at) { return this.charCodeAt(at); },
  get codeUnits() { return Array.from(this, (one) => one.charCodeAt(0)); } });
give(RegExp, { hasMatch(text) { return this.test(text); }, firstMatch(text) { return this.exec(text); } });
String.fromCharCodes = (codes) => Buffer.from(codes).toString("latin1");
"""


def readers_as_javascript() -> str:
    """Return a program that defines `namedParts` and `NoName`."""
    return _OF_DART + "\n".join(_module(path) for path in _in_order())


def rule_as_javascript() -> str:
    """Return a program that defines `mayPassLater`."""
    return _OF_DART + _module(SOURCE / "lib/src/again.dart")


def _in_order() -> list[Path]:
    """Return the files, each behind those that it imports."""
    files: list[Path] = []

    def visit(path: Path) -> None:
        if path in files:
            return
        for name in re.findall(r"^import '(\w+\.dart)';", path.read_text(encoding="utf-8"), re.MULTILINE):
            visit(READERS / name)
        files.append(path)

    visit(READERS / "formats.dart")
    return files


def _module(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    code = "\n".join(_translated(lines))
    public = re.findall(r"^(?:function|const|class) ([A-Za-z]\w*)", code, re.MULTILINE)
    return f"const {{ {', '.join(public)} }} = (() => {{\n{code}\nreturn {{ {', '.join(public)} }};\n}})();"


def _translated(lines: list[str]) -> Iterator[str]:
    members: set[str] = set()
    is_in_class = False
    for place, line in enumerate(lines):
        text = _COMMENT.sub("", line)
        if text.startswith("import "):
            continue
        if text.startswith("class "):
            is_in_class = True
            members = _members(lines[place + 1 :])
        elif text == "}":
            is_in_class = False
        yield _line(text, members if is_in_class else None)


def _members(lines: list[str]) -> set[str]:
    """Return the names of a class by which its own code calls its fields and private methods."""
    names: set[str] = set()
    for line in lines[: lines.index("}")]:
        if field := _FIELD.match(line):
            names.add(field["name"])
        elif (head := _HEAD.match(line)) and head["name"].startswith("_"):
            names.add(head["name"])
    return names


def _line(text: str, members: set[str] | None) -> str:
    if members is not None and (made := _CONSTRUCTOR.match(text)):
        return _constructor(made)
    if members is not None and (field := _FIELD.match(text)):
        return f"  {field['name']}{_body(field['rest'], members)}"
    if (head := _HEAD.match(text)) and head["indent"] == ("" if members is None else "  "):
        word = "function " if members is None else ""
        rest = _body(head["rest"], members)
        block = f"{{ return {rest[3:]} }}" if rest.startswith("=> ") else rest
        return f"{head['indent']}{word}{head['name']}({', '.join(_names(head['parameters']))}) {block}"
    if local := _LOCAL.match(text):
        return f"{local['indent']}let {local['name']}{_body(local['rest'], members)}"
    return _body(text, members)


def _constructor(made: re.Match[str]) -> str:
    names = _names(made["parameters"])
    own = [name.removeprefix("this.") for name in names]
    sets = " ".join(f"this.{name} = {name};" for name, told in zip(own, names, strict=True) if told != name)
    return f"  constructor({', '.join(own)}) {{ {sets}" + (" }" if made["rest"] == ";" else "")


def _names(parameters: str) -> list[str]:
    """Return the parameters without their types."""
    without = re.sub(r"<.*?>+", "", parameters).strip("[]").replace("[", "")
    return [re.sub(r"^[\w?]+ ", "", one.strip()) for one in without.split(",") if one.strip()]


def _body(text: str, members: set[str] | None) -> str:
    for pattern, replacement in _IN_LINE:
        text = pattern.sub(replacement, text)
    for name in members or ():
        text = re.sub(rf"(?<![.\w'])(?<!const ){name}\b(?!')", f"this.{name}", text)
    return text
