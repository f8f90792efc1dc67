"""Tell mayfly, as JSON, what this interpreter is to environments that stand on it. Run by any CPython from 3.4 on, with -I."""

import json
import os
import platform
import sys
import sysconfig


def folder(name):
    """Return where an environment has its folder of that name, relative to it; "" where sysconfig has no scheme for environments."""
    if "venv" not in sysconfig.get_scheme_names():
        return ""
    there = os.path.join(os.sep, "env")
    variables = dict.fromkeys(("base", "platbase", "installed_base", "installed_platbase"), there)
    return os.path.relpath(sysconfig.get_path(name, scheme="venv", vars=variables), there).replace(os.sep, "/")


print(json.dumps({
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "executable": os.path.abspath(getattr(sys, "_base_executable", None) or sys.executable),
    "invoked": sys.executable,
    "resolved": os.path.realpath(sys.executable),
    "windows": os.name == "nt",
    "lib64": sys.maxsize > 2**32 and os.name == "posix" and sys.platform != "darwin",
    "scripts": folder("scripts"),
    "include": folder("include"),
    "purelib": folder("purelib"),
    "launchers": os.path.join(sysconfig.get_path("stdlib"), "venv", "scripts", "nt"),
}))
