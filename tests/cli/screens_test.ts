import { assert, assertEquals } from "@std/assert";
import { createPalette, textWidth } from "../../src/cli/render.ts";
import { transferScreen, type TransferView, workScreen } from "../../src/cli/screens.ts";

const PLAIN = createPalette(false);

const VIEW: TransferView = {
  name: "debian.iso",
  state: "downloading",
  metadata: 1,
  metadataBlocks: 3,
  metadataBlockCount: 3,
  checked: 1,
  completedLength: 512 << 20,
  wantedLength: 1 << 30,
  pieceCount: 8,
  hasPiece: (piece) => piece < 4,
  downloadRate: 10 << 20,
  uploadRate: 1 << 20,
  uploaded: 5 << 20,
  rates: [1, 2, 3],
  peers: 3,
  seeds: 1,
  webSeeds: 0,
  eta: 51,
};

Deno.test("transferScreen() shows name, bar, pieces and what flows", () => {
  assertEquals(
    transferScreen(VIEW, 78, PLAIN),
    [
      "debian.iso" + "512 MiB of 1.00 GiB".padStart(68),
      "█".repeat(35) + "▌" + " ".repeat(35) + "  50.0%",
      "████    ",
      "↓ 10.0 MiB/s           ▃▆█  3 peers (1 complete)  0:51 left  ↑ 1.00 MiB/s",
    ],
  );
});

Deno.test("transferScreen() tells what it waits for", () => {
  const last = (view: Partial<TransferView>) => transferScreen({ ...VIEW, ...view }, 90, PLAIN).at(-1)!;
  assert(last({ webSeeds: 1 }).includes("3 peers (1 complete), 1 web seed  0:51 left"));
  assert(last({ peers: 0, seeds: 0, webSeeds: 2 }).includes("0 peers, 2 web seeds"));
  assert(last({ eta: undefined }).includes("waiting for pieces"));
  const link = { state: "metadata", metadataBlocks: 0, metadataBlockCount: 0 };
  assert(last({ ...link, peers: 0 }).includes("looking for peers"));
  assert(last(link).includes("asking for the metadata"));
  assert(last({ ...link, metadataBlocks: 2, metadataBlockCount: 5 }).includes("metadata 2 of 5"));
  assert(last({ state: "checking" }).includes("checking what is there"));
  assert(last({ state: "paused" }).includes("paused"));
  assert(last({ state: "seeding", peers: 1, seeds: 0 }).endsWith("1 peer  5.00 MiB sent"));
});

Deno.test("transferScreen() and workScreen() keep to any width", () => {
  const name = "日本語 a very long name of a torrent with many words in it.iso";
  for (let width = 1; width <= 120; width++) {
    const lines = transferScreen({ ...VIEW, name }, width, createPalette(true));
    assertEquals(lines.length, 4);
    if (width >= 20) { for (const line of lines) assert(textWidth(line) <= width, `${width}: ${line}`); }
    const work = workScreen({ label: name, done: 1, total: 2, elapsedMs: 1000 }, width, PLAIN);
    if (width >= 24) { for (const line of work) assert(textWidth(line) <= width, `${width}: ${line}`); }
  }
});

Deno.test("workScreen() shows rate and time left", () => {
  assertEquals(
    workScreen({ label: "Hashing", done: 1 << 20, total: 4 << 20, elapsedMs: 1000 }, 47, PLAIN),
    [
      "Hashing" + "1.00 MiB/s  0:03 left".padStart(40),
      "█".repeat(10) + " ".repeat(30) + "  25.0%",
    ],
  );
});
