/** Optuna with its SQLite storage, in an environment of its own. */
import { fileURLToPath } from "node:url"
import { pythonEnvironment } from "./PythonEnvironment.ts"

export const optuna = pythonEnvironment("bench-optuna", ["optuna==5.0.0"])

/** `python optuna_study.py TRIALS FILE`; prints the seconds of the study. */
export const optunaStudy = fileURLToPath(new URL("./optuna_study.py", import.meta.url))
