/** One line of a table for people: the first two cells are names, the rest numbers. */
export function line(cells: readonly string[], nameWidth = 29): string {
  return cells.map((cell, i) => (i === 1 ? cell.padEnd(nameWidth) : cell.padStart(i === 0 ? 7 : 10))).join("  ");
}
