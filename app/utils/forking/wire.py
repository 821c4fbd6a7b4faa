"""What a worker, a program that forks for it, and the forked processes say to each other, whatever their work is.

Plain structures: nothing that is unpickled, since whoever takes over a process by a crafted picture must not thereby
take over a worker.
"""

import struct

# To the program that starts processes: what to do, with the process of which number. With START comes its socket.
COMMAND = struct.Struct("<cI")
START, KILL = b"S", b"K"

# From the program: which process has ended, and its status as waitpid() gives it.
ENDED = struct.Struct("<Ii")

# From a process: a kind and a size, then so many bytes.
REPLY_HEAD = struct.Struct("<cI")
REFUSED, DEFECT = b"R", b"D"
MAX_REPLY_BYTES = 32 * 1024 * 1024
