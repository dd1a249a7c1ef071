// Runs its share of the seeds, some at a time, and tells after each portion what came of it.
Error.stackTraceLimit = 0;
const { explore } = await import(process.argv[2]);

process.on("message", async (exploration) => {
  process.send(await explore(exploration));
});
