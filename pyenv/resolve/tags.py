"""Prints the tags of the wheels that this interpreter takes, best first, as a JSON list; an empty one if it cannot tell."""
import json
import sys

try:
    try:
        from packaging.tags import sys_tags
    except ImportError:
        from pip._vendor.packaging.tags import sys_tags
    tags = [str(tag) for tag in sys_tags()]
except ImportError:
    tags = []
json.dump(tags, sys.stdout)
