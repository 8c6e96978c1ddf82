/** A program on a pseudo terminal, and somebody who types: what the terminal shows of it. Node has no pty of its own, Python has. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const SCRIPT = `
import json, os, pty, select, sys, time
asked = json.load(sys.stdin)
child, terminal = pty.fork()
if child == 0:
    os.environ.update(asked["env"])
    os.execvp(asked["argv"][0], asked["argv"])
shown = b""
def read_until(wanted, seconds):
    global shown
    begin, end = len(shown), time.time() + seconds
    while time.time() < end and (wanted is None or wanted not in shown[begin:]):
        if not select.select([terminal], [], [], 0.1)[0]: continue
        try: piece = os.read(terminal, 65536)
        except OSError: return False
        if not piece: return False
        shown += piece
    return True
for wait, keys in asked["steps"]:
    read_until(wait.encode(), 60)
    os.write(terminal, keys.encode())
read_until(None, 60) if asked["until"] is None else read_until(asked["until"].encode(), 60)
os.close(terminal)
status = os.waitpid(child, 0)[1]
json.dump({"shown": shown.decode(errors="replace"), "status": os.waitstatus_to_exitcode(status)}, sys.stdout)
`

export interface TerminalOptions {
  /** What is waited for, and then typed. */
  readonly steps: readonly (readonly [wait: string, keys: string])[]
  /** After the last step: then the terminal is taken away. undefined: the program ends by itself. */
  readonly until?: string
  readonly env?: Readonly<Record<string, string>>
}

/** `status`: the program's exit code, negative for a signal. Needs python3. */
export async function onTerminal(argv: readonly string[], { steps, until, env = {} }: TerminalOptions) {
  const child = spawn('python3', ['-c', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify({ argv, steps, until: until ?? null, env }))
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
  })
  await once(child, 'close')
  return JSON.parse(text) as { readonly shown: string; readonly status: number }
}
