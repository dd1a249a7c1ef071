import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";

/** The write-ahead log's head, a frame's head, and where what is looked for stands in them (https://www.sqlite.org/fileformat.html). */
const log = { head: 32, pageSize: 8, salts: 16, frameHead: 24, frameSalts: 8, saltBytes: 8 } as const;

/**
 * Looks at whether a journal's file has lost what it once held, where SQLite would take it for sound: it begins a file of no
 * bytes anew and throws its log away, and reads what is missing of the last page as zeroes.
 * @returns why it can't be a journal any more; undefined where nothing speaks against it
 */
export function lostBytes(path: string): string | undefined {
  const size = sizeOf(path);
  const logSize = sizeOf(`${path}-wal`);
  if (size === 0) {
    // A file that is being made has its head before there is a log.
    return logSize > 0 ? `it is empty or missing, and ${path}-wal beside it is not` : undefined;
  }
  const { pageSize, pages } = readHead(path);
  const whole = Math.floor(size / pageSize);
  if (logSize === 0 && pages > whole) {
    return `it should have ${pages} pages of ${pageSize} bytes, and has ${size} bytes`;
  }
  // A process may have been killed while it moved the log's pages into the file: the log still has those.
  return size % pageSize === 0 || holdsPage(`${path}-wal`, whole + 1) ? undefined : "its last page is cut off";
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The page size, and how many pages the file says that it has: 0 where it does not say. */
function readHead(path: string): { readonly pageSize: number; readonly pages: number } {
  const head = Buffer.alloc(100);
  const file = openSync(path, "r");
  readSync(file, head, 0, head.length, 0);
  closeSync(file);
  const pageSize = head.readUInt16BE(16) === 1 ? 65_536 : head.readUInt16BE(16);
  const counted = head.readUInt32BE(24) === head.readUInt32BE(92);
  return { pageSize: Math.max(512, pageSize), pages: counted ? head.readUInt32BE(28) : 0 };
}

/** Whether a log has a frame of a page, of those since it began anew. */
function holdsPage(path: string, page: number): boolean {
  const bytes = sizeOf(path) === 0 ? Buffer.alloc(0) : readFileSync(path);
  if (bytes.length < log.head) {
    return false;
  }
  const salts = bytes.subarray(log.salts, log.salts + log.saltBytes);
  const frame = log.frameHead + bytes.readUInt32BE(log.pageSize);
  for (let at = log.head; at + frame <= bytes.length; at += frame) {
    const own = at + log.frameSalts;
    if (!bytes.subarray(own, own + log.saltBytes).equals(salts)) {
      return false;
    }
    if (bytes.readUInt32BE(at) === page) {
      return true;
    }
  }
  return false;
}
