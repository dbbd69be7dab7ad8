/**
 * An exported PyTorch folder run by the user's Python, whose `torch` and `safetensors` are not ours to install.
 *
 * One process for each export: it loads `model.py` as any program would, then takes batches of images on its standard
 * input and answers with logits on its standard output. Left out: the comparison (`../Verify.ts`).
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import type { FoundModel } from "../FoundModel.ts"
import type { NotRun, Runner } from "../Target.ts"

/**
 * Run with the folder and the number of threads: a line of versions, then for every pair of uint32, count and bytes of a
 * value (1: uint8, 4: float32), with count images [count, height, width, channels], the float32 logits [count, classes].
 */
const program = `
import struct, sys
from importlib.metadata import version
folder, height, width, channels, threads = sys.argv[1], *map(int, sys.argv[2:6])
import torch
torch.set_num_threads(threads)
sys.path.insert(0, folder)
from model import load, preprocess
model = load(folder)
given, answers = sys.stdin.buffer, sys.stdout.buffer
answers.write(f"torch {torch.__version__}, safetensors {version('safetensors')}\\n".encode())
answers.flush()
while head := given.read(8):
    count, size = struct.unpack("<II", head)
    values = bytearray(given.read(count * height * width * channels * size))
    images = torch.frombuffer(values, dtype=torch.uint8 if size == 1 else torch.float32)
    with torch.no_grad():
        logits = model(preprocess(images.reshape(count, height, width, channels)))
    # not by NumPy, which PyTorch does without
    answers.write(bytes(logits.contiguous().view(torch.uint8).flatten().tolist()))
    answers.flush()
`

/** Bytes of a stream, as many as are asked for at a time. */
const reader = (child: ChildProcessWithoutNullStreams) => {
  let buffered = Buffer.alloc(0)
  const bytes = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const more = async () => {
    const { done, value } = await bytes.next()
    if (done === true) throw new Error("ended")
    buffered = Buffer.concat([buffered, value])
  }
  const take = (length: number): Buffer => {
    const taken = buffered.subarray(0, length)
    buffered = buffered.subarray(length)
    return taken
  }
  return {
    line: async () => {
      while (!buffered.includes("\n")) await more()
      return take(buffered.indexOf("\n") + 1)
        .toString()
        .trim()
    },
    bytes: async (length: number) => {
      while (buffered.length < length) await more()
      return take(length)
    },
  }
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? ""

/**
 * Opens the folder in Python: `named`, else `FLIQS_PYTHON` or `python3`. Fails where the named one cannot run it; without
 * a name that is no failure but the answer.
 */
export const openPyTorch = async (
  folder: string,
  { network }: FoundModel,
  named: string | undefined,
  threads = 2,
): Promise<Runner | NotRun> => {
  const python = named ?? process.env["FLIQS_PYTHON"] ?? "python3"
  const { classes, input } = network.graph
  const sizes = [input.height, input.width, input.channels, threads].map(String)
  const child = spawn(python, ["-W", "ignore", "-c", program, folder, ...sizes], {
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  })
  let said = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text))
  const ended = new Promise<void>((resolve) => {
    child.once("error", ({ message }) => {
      said = message
      resolve()
    })
    child.once("close", (code) => {
      said ||= `it ended with ${code}`
      resolve()
    })
  })
  // A program that has ended takes nothing more: what it said is the reason.
  child.stdin.on("error", () => {})
  const answers = reader(child)
  const orReason = async <A>(answer: Promise<A>): Promise<A> => {
    try {
      return await answer
    } catch {
      await ended
      throw new Error(`${python}: ${lastLine(said)}`)
    }
  }
  let runtime = ""
  try {
    runtime = await orReason(answers.line())
  } catch (error) {
    if (named !== undefined || !/No module named|^it ended|ENOENT/u.test(lastLine(said)))
      throw error
    return {
      notRun: `${python} has no torch and safetensors (${lastLine(said)}). \`pip install torch safetensors\` gives them to a Python, --python PATH names it; the head of model.py says how to run the folder`,
    }
  }
  return {
    runtime,
    logits: async (images, count) => {
      const head = Buffer.alloc(8)
      head.writeUInt32LE(count)
      head.writeUInt32LE(images.BYTES_PER_ELEMENT, 4)
      child.stdin.write(head)
      child.stdin.write(new Uint8Array(images.buffer, images.byteOffset, images.byteLength))
      const bytes = await orReason(answers.bytes(4 * count * classes))
      return new Float32Array(new Uint8Array(bytes).buffer)
    },
    close: async () => {
      child.stdin.end()
      await ended
    },
  }
}
