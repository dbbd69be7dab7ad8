"""A study of trials that do nothing: one parameter, one reported value, one result. Prints its seconds."""

import sys
import time

import optuna

trials, file = int(sys.argv[1]), sys.argv[2]
optuna.logging.set_verbosity(optuna.logging.ERROR)


def objective(trial):
    value = trial.suggest_float("x", 0, 1)
    trial.report(value, 1)
    return value


study = optuna.create_study(
    storage=f"sqlite:///{file}", sampler=optuna.samplers.RandomSampler(seed=1)
)
start = time.perf_counter()
study.optimize(objective, n_trials=trials)
print(time.perf_counter() - start)
