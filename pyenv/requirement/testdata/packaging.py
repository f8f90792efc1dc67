"""Answers questions, one JSON list a line, by pip's own library. An answer is null where the library refuses the text."""
import json
import sys

try:
    from packaging import markers, requirements, specifiers, version
except ImportError:
    from pip._vendor.packaging import markers, requirements, specifiers, version

ENV = json.loads(sys.argv[1])


def answer(kind, *args):
    if kind == "version":
        v = version.Version(args[0])
        return [str(v), v.is_prerelease]
    if kind == "compare":
        a, b = version.Version(args[0]), version.Version(args[1])
        return (a > b) - (a < b)
    if kind == "match":
        spec = specifiers.SpecifierSet(args[0])
        if any(type(s).__name__ == "LegacySpecifier" for s in spec):
            return None
        return [spec.contains(version.Version(args[1]), prereleases=True), bool(spec.prereleases)]
    if kind == "marker":
        return markers.Marker(args[0]).evaluate(dict(ENV, extra=args[1]))
    if kind == "requirement":
        r = requirements.Requirement(args[0])
        if any(type(s).__name__ == "LegacySpecifier" for s in r.specifier):
            return None
        return [r.name, sorted(r.extras), sorted(str(s) for s in r.specifier), r.url or "", r.marker is not None]


for line in sys.stdin:
    try:
        print(json.dumps(answer(*json.loads(line))))
    except (version.InvalidVersion, specifiers.InvalidSpecifier, markers.InvalidMarker,
            requirements.InvalidRequirement, markers.UndefinedComparison, markers.UndefinedEnvironmentName):
        print("null")
