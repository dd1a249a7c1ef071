import { SagaError } from "../core/errors.js";

/** The optional peer dependencies of the package, each with the major version that the runtime works with. */
const majors = { pg: 8, kafkajs: 2 } as const;

/**
 * Loads an adapter that needs an optional peer dependency. Servers that don't configure the adapter load neither.
 * @param setting what needs the package: the setting or the function that the user wrote
 * @throws SagaError SAGA_CONFIG_INVALID if the package isn't installed
 */
export async function loadAdapter<Adapter>(
  name: keyof typeof majors,
  setting: string,
  load: () => Promise<Adapter>,
): Promise<Adapter> {
  try {
    import.meta.resolve(name);
  } catch (cause) {
    const install = `npm i ${name}@${majors[name]}`;
    throw new SagaError("SAGA_CONFIG_INVALID", `${setting} needs the npm package ${name}; install it: ${install}`, {
      cause,
    });
  }
  return load();
}
