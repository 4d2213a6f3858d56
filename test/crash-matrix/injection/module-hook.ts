/** Node's module customization hooks: see https://nodejs.org/api/module.html#hooks. */

/** What stands in for which module: both are paths from `dist`. */
const replacements: readonly (readonly [replaced: string, replacement: string])[] = [
  ["services/master/metadata/lmdb.js", "observed-metadata.js"],
  ["services/store/engine/log/disk-log.js", "observed-engine.js"],
  ["services/store/membership.js", "observed-membership.js"],
];

interface Resolved {
  readonly url: string;
}

interface ResolveContext {
  readonly parentURL?: string;
}

/** Gives everybody but the replacement itself the replacement. */
export async function resolve(
  specifier: string,
  context: ResolveContext,
  nextResolve: (specifier: string, context: ResolveContext) => Promise<Resolved>,
): Promise<Resolved> {
  const resolved = await nextResolve(specifier, context);
  for (const [replaced, name] of replacements) {
    if (resolved.url !== new URL(`../../../${replaced}`, import.meta.url).href) continue;
    const replacement = new URL(name, import.meta.url).href;
    if (context.parentURL !== replacement) return { ...resolved, url: replacement };
  }
  return resolved;
}
