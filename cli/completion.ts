import type { Command } from "commander";

/** The shells that completion scripts are written for. */
export type ShellName = "bash" | "zsh" | "fish";

/** An option as completion sees it. */
export interface OptionModel {
  /** `--file`, `-f`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** The values it takes, where there are few. */
  readonly choices: readonly string[];
}

/** A command as completion sees it. */
export interface CommandModel {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionModel[];
  /** The values of its first argument, where there are few. */
  readonly argumentChoices: readonly string[];
  readonly commands: readonly CommandModel[];
}

/** The model of a commander tree, aliases included; every command has the options of those above it. */
export function modelOf(command: Command, inherited: readonly OptionModel[] = []): CommandModel {
  const own = command.options
    .filter((option) => !option.hidden)
    .map((option) => ({
      flags: [option.long, option.short].filter((flag) => typeof flag === "string"),
      description: option.description,
      takesValue: option.required || option.optional,
      choices: option.argChoices ?? [],
    }));
  const help: OptionModel = {
    flags: ["--help", "-h"],
    description: "explain",
    takesValue: false,
    choices: [],
  };
  const passedOn = [...own.filter((option) => !option.flags.includes("--version")), ...inherited];
  return {
    name: command.name(),
    description: command.summary() || command.description(),
    options: [...own, ...inherited, help],
    argumentChoices: command.registeredArguments[0]?.argChoices ?? [],
    commands: command.commands.flatMap((child) => {
      const model = modelOf(child, passedOn);
      return [model, ...child.aliases().map((alias) => ({ ...model, name: alias }))];
    }),
  };
}

/** A completion script for a shell. */
export function completionScript(shell: ShellName, model: CommandModel): string {
  const writers = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return writers[shell](model);
}

interface Node {
  /** `ekv operations watch`. */
  readonly path: string;
  readonly model: CommandModel;
}

function nodesOf(model: CommandModel, above = ""): Node[] {
  const path = above === "" ? model.name : `${above} ${model.name}`;
  return [{ path, model }, ...model.commands.flatMap((child) => nodesOf(child, path))];
}

/** All options that take a value, once for each flag. */
function valuedFlags(
  nodes: readonly Node[],
): { readonly flag: string; readonly choices: readonly string[] }[] {
  const flags = new Map<string, readonly string[]>();
  for (const { model } of nodes) {
    for (const option of model.options.filter(({ takesValue }) => takesValue)) {
      for (const flag of option.flags) flags.set(flag, option.choices);
    }
  }
  return [...flags].map(([flag, choices]) => ({ flag, choices }));
}

function bashScript(model: CommandModel): string {
  const nodes = nodesOf(model);
  const valued = valuedFlags(nodes);
  const pattern = (flags: readonly { readonly flag: string }[]): string =>
    flags.map(({ flag }) => flag).join("|");
  const free = valued.filter(({ choices }) => choices.length === 0);
  const choosing = valued.filter(({ choices }) => choices.length > 0);
  const descend = nodes.slice(1).map(({ path }) => `"${path}"`);
  const words = nodes.map(({ path, model: node }) => {
    const names = [...node.commands.map(({ name }) => name), ...node.argumentChoices];
    const flags = node.options.flatMap((option) => option.flags.filter((flag) => flag.startsWith("--")));
    return `    "${path}") names="${names.join(" ")}"; flags="${flags.join(" ")}" ;;`;
  });
  return `# bash completion of ${model.name}
_${model.name}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path="${model.name}" names="" flags="" i
  COMPREPLY=()
  case "$prev" in
${choosing.map(({ flag, choices }) => `    ${flag}) COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$cur")); return ;;`).join("\n")}
    ${pattern(free)}) return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      ${pattern(valued)}) ((i++)); continue ;;
    esac
    case "$path \${COMP_WORDS[i]}" in
      ${descend.join("|")}) path="$path \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path" in
${words.join("\n")}
  esac
  if [[ "$cur" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$names" -- "$cur"))
  fi
}
complete -o default -F _${model.name} ${model.name}
`;
}

/** Text inside single quotes of a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function zshScript(model: CommandModel): string {
  const nodes = nodesOf(model);
  const valued = valuedFlags(nodes);
  const pattern = (flags: readonly { readonly flag: string }[]): string =>
    flags.map(({ flag }) => flag).join("|");
  const describe = (name: string, description: string): string =>
    quote(`${name.replaceAll(":", "\\:")}:${description.split("\n")[0] ?? ""}`);
  const branches = nodes.map(({ path, model: node }) => {
    const names = [
      ...node.commands.map((child) => describe(child.name, child.description)),
      ...node.argumentChoices.map((choice) => describe(choice, choice)),
    ];
    const flags = node.options.flatMap((option) =>
      option.flags.filter((flag) => flag.startsWith("--")).map((flag) => describe(flag, option.description)),
    );
    return `    ${quote(path)})\n      names=(${names.join(" ")})\n      flags=(${flags.join(" ")}) ;;`;
  });
  const choosing = valued.filter(({ choices }) => choices.length > 0);
  const free = valued.filter(({ choices }) => choices.length === 0);
  return `#compdef ${model.name}
# zsh completion of ${model.name}
_${model.name}() {
  local path_=${quote(model.name)} i
  local -a names flags
  case "$words[CURRENT-1]" in
${choosing.map(({ flag, choices }) => `    ${flag}) compadd -- ${choices.join(" ")}; return ;;`).join("\n")}
    ${pattern(free)}) _files; return ;;
  esac
  for ((i = 2; i < CURRENT; i++)); do
    case "$words[i]" in
      ${pattern(valued)}) ((i++)); continue ;;
    esac
    case "$path_ $words[i]" in
      ${nodes
        .slice(1)
        .map(({ path }) => quote(path))
        .join("|")}) path_="$path_ $words[i]" ;;
    esac
  done
  case "$path_" in
${branches.join("\n")}
  esac
  if [[ "$words[CURRENT]" == -* ]]; then
    _describe option flags
  elif (( $#names )); then
    _describe command names
  else
    _files
  fi
}
if [[ "$funcstack[1]" == _${model.name} ]]; then
  _${model.name} "$@"
else
  compdef _${model.name} ${model.name}
fi
`;
}

/** Text inside single quotes of fish, where only the quote and the backslash are special. */
function quoteFish(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function fishScript(model: CommandModel): string {
  const lines = [`# fish completion of ${model.name}`];
  for (const { path, model: node } of nodesOf(model)) {
    const above = path.split(" ").slice(1);
    const seen = above.map((name) => `__fish_seen_subcommand_from ${name}`);
    const names = node.commands.map(({ name }) => name);
    const condition = [
      ...(above.length === 0 ? ["__fish_use_subcommand"] : seen),
      ...(above.length > 0 && names.length > 0 ? [`not __fish_seen_subcommand_from ${names.join(" ")}`] : []),
    ].join("; and ");
    const start = `complete -c ${model.name} -n ${quoteFish(condition)}`;
    for (const child of node.commands) {
      lines.push(`${start} -f -a ${child.name} -d ${quoteFish(child.description.split("\n")[0] ?? "")}`);
    }
    if (node.argumentChoices.length > 0) {
      lines.push(`${start} -f -a ${quoteFish(node.argumentChoices.join(" "))}`);
    }
    for (const option of node.options) lines.push(fishOption(start, option));
  }
  return `${lines.join("\n")}\n`;
}

function fishOption(start: string, option: OptionModel): string {
  const flags = option.flags.map((flag) =>
    flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
  );
  const value = option.takesValue ? " -r" : "";
  const choices = option.choices.length > 0 ? ` -f -a ${quoteFish(option.choices.join(" "))}` : "";
  return `${start} ${flags.join(" ")}${value}${choices} -d ${quoteFish(option.description.split("\n")[0] ?? "")}`;
}
