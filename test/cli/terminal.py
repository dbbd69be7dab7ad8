"""Runs a command in a pseudo-terminal: terminal.py ROWS COLUMNS COMMAND...

What the command writes comes out on stdout. A line `ROWS COLUMNS` on stdin changes the size, `key C` types Ctrl-C.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios


def resize(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))


def main():
    rows, columns, *command = sys.argv[1:]
    child, terminal = pty.fork()
    if child == 0:
        resize(0, rows, columns)
        os.execvp(command[0], command)
    pending = b""
    sources = [terminal, 0]
    while terminal in sources:
        ready, _, _ = select.select(sources, [], [])
        if 0 in ready:
            chunk = os.read(0, 4096)
            if chunk == b"":
                sources.remove(0)
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                first, second = line.split()
                if first == b"key":
                    os.write(terminal, bytes([second[0] & 31]))
                else:
                    resize(terminal, first, second)
        if terminal in ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                data = b""
            if data == b"":
                sources.remove(terminal)
            os.write(1, data)
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


main()
