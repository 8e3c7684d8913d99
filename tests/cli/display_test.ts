import { assert, assertEquals } from "@std/assert";
import { Display } from "../../src/cli/display.ts";
import { FakeTerminal } from "./fake_terminal.ts";

Deno.test("Display draws nothing where there is no terminal", () => {
  const terminal = new FakeTerminal();
  const display = new Display(terminal, () => ["picture"]);
  display.close();
  assertEquals(terminal.error, "");
});

Deno.test("Display draws, hides the cursor meanwhile, and leaves the last picture", () => {
  const terminal = new FakeTerminal({ columns: 80 });
  let count = 0;
  const display = new Display(terminal, (width) => [`${width}`, `picture ${++count}`]);
  display.close();
  display.close();
  assert(terminal.error.startsWith("\x1b[?25l"));
  assert(terminal.error.endsWith("\x1b[?25h"));
  assert(terminal.error.includes("79\x1b[K\npicture 1\x1b[K\n"));
  // The second picture starts two lines up.
  assert(terminal.error.includes("\x1b[2A\r79\x1b[K\npicture 2\x1b[K\n"));
  assertEquals(count, 2);
});

Deno.test("Display wipes its picture away if told so", () => {
  const terminal = new FakeTerminal({ columns: 500 });
  const display = new Display(terminal, (width) => [`${width}`]);
  display.close({ wipe: true });
  assert(terminal.error.includes("100\x1b[K\n"));
  assert(terminal.error.endsWith("\x1b[1A\r\x1b[J\x1b[?25h"));
});
