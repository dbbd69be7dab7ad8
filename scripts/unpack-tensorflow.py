"""Unpacks from the TensorFlow wheel what an addon needs: two libraries and the C headers. Python 3.8 or newer.

usage: unpack-tensorflow.py WHEEL FOLDER      writes FOLDER/lib and FOLDER/include
"""
import os
import shutil
import sys
import zipfile

LIBRARIES = {
    "tensorflow/libtensorflow_cc.so.2": "libtensorflow.so",
    "tensorflow/libtensorflow_framework.so.2": "libtensorflow_framework.so",
}
INCLUDE = "tensorflow/include/"
HEADERS = (
    "tensorflow/c/",
    "tensorflow/core/common_runtime/next_pluggable_device/c/",
    "tensorflow/core/platform/ctstring",
    "tensorflow/core/public/",
    "xla/tsl/c/",
    "tsl/",
)


def target(name):
    if name in LIBRARIES:
        return "lib/" + os.path.basename(name)
    if name.startswith(INCLUDE) and not name.endswith("/") and name[len(INCLUDE) :].startswith(HEADERS):
        return "include/" + name[len(INCLUDE) :]
    return None


wheel, folder = sys.argv[1:]
found = set()
with zipfile.ZipFile(wheel) as archive:
    for info in archive.infolist():
        path = target(info.filename)
        if path is None:
            continue
        found.add(info.filename)
        out = os.path.join(folder, *path.split("/"))
        os.makedirs(os.path.dirname(out), exist_ok=True)
        with archive.open(info) as source, open(out, "wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
for library, link in LIBRARIES.items():
    if library not in found:
        sys.exit("the wheel has no " + library)
    os.symlink(os.path.basename(library), os.path.join(folder, "lib", link))
