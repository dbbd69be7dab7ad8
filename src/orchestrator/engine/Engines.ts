/** The ways of running the trials of a grid; `--on` takes one of them. */
import { CommandsEngine } from "./CommandsEngine.ts"
import { KubernetesEngine } from "./KubernetesEngine.ts"
import { LocalEngine } from "./LocalEngine.ts"
import { SlurmEngine } from "./SlurmEngine.ts"

export const engines = [LocalEngine, SlurmEngine, KubernetesEngine, CommandsEngine] as const
