import { BrokenPromise, explore } from "./exploration.js";
import { openLogSubject } from "./log-subject.js";
import { runOf } from "./round.js";

/** How much is explored, from one seed on. */
export interface CampaignOptions {
  readonly first: number;
  /** Runs, one a seed. */
  readonly seeds: number;
  /** Disk states that are opened at most, in all. */
  readonly statesMax: number;
  /** Of the moments of a run at which the power may go: a share from 0 to 1. */
  readonly share: number;
  /** Whether every disk refuses calls at times; default: those of a third of the seeds. */
  readonly isDiskFaulty?: boolean | undefined;
  /** No state is opened after this; by `performance.now()`. */
  readonly untilMs: number;
  /** Called after each run. */
  readonly onRun?: (seed: number, run: RunFigures) => void;
}

/** What happened in a run. */
export interface RunFigures {
  readonly states: number;
  readonly batches: number;
  readonly processes: number;
  readonly events: number;
  /** Segments and checkpoints that were made, and segments that were cleaned and removed. */
  readonly made: number;
  readonly checkpoints: number;
  readonly removed: number;
}

/** What a campaign did. */
export interface CampaignResult {
  readonly runs: number;
  readonly states: number;
  /** The run that failed, which ended the campaign. */
  readonly failure: { readonly seed: number; readonly error: BrokenPromise } | undefined;
}

/** Runs seeds one after the other, until the first that fails. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  let states = 0;
  let runs = 0;
  for (let seed = options.first; seed < options.first + options.seeds; seed += 1) {
    if (states >= options.statesMax || performance.now() >= options.untilMs) break;
    let ofRun = 0;
    const onState = (): boolean => {
      states += 1;
      ofRun += 1;
      return states < options.statesMax && performance.now() < options.untilMs;
    };
    const exploration = { share: options.share, drawn: 4, goOnShare: 0.08, cuts: 3, onState };
    try {
      const { disk, promises } = await explore(
        runOf(seed, options.isDiskFaulty),
        openLogSubject,
        exploration,
      );
      const count = (kind: string, name: RegExp): number =>
        disk.events.filter((event) => event.kind === kind && "name" in event && name.test(event.name)).length;
      options.onRun?.(seed, {
        states: ofRun,
        batches: promises.at(-1)?.chain.length ?? 0,
        processes: promises.length - 1,
        events: disk.events.length,
        made: count("create", /\.log$/),
        checkpoints: count("create", /\.tmp$/),
        removed: count("remove", /\.log$/),
      });
    } catch (error) {
      if (!(error instanceof BrokenPromise)) throw error;
      return { runs: runs + 1, states, failure: { seed, error } };
    }
    runs += 1;
  }
  return { runs, states, failure: undefined };
}
