"""Rewrites the paths inside a virtual environment for the place it is about to be renamed to.

usage: move-venv.py FROM TO
"""
import os
import sys

source, target = (os.fsencode(path) for path in sys.argv[1:])
files = [entry.path for entry in os.scandir(os.path.join(source, b"bin")) if entry.is_file(follow_symlinks=False)]
for path in [*files, os.path.join(source, b"pyvenv.cfg")]:
    with open(path, "rb") as file:
        text = file.read()
    if source in text:
        with open(path, "wb") as file:
            file.write(text.replace(source, target))
