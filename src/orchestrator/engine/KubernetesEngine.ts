/**
 * The files that run a grid on Kubernetes: a container file, a volume that all pods share, an Indexed Job for each kind of
 * needs, and the commands in their order. They are checked against the schemas of Kubernetes, and have not run on a cluster.
 */
import * as nodePath from "node:path"
import { stringify } from "yaml"
import { shellWord } from "../../declaration/Shell.ts"
import { bytesOf, type Resources } from "../../experiment/Resources.ts"
import { exitCodes } from "../ExitCode.ts"
import type * as State from "../State.ts"
import type { Left, WritingEngine } from "./Engine.ts"

/** Scripts keep their lines. */
const yaml = (document: object): string => stringify(document, { lineWidth: 0 })

const defaults = { memory: 4 * 2 ** 30, storage: "50Gi" } as const
/** Tries of a trial beside the first; those that saved and ask for more do not count. */
const mostRetries = 3

/** What a pod runs: `sh` is process 1, which has to pass signals on. */
const script = (list: string): string =>
  [
    `id=$(sed -n "$((JOB_COMPLETION_INDEX + 1))p" ${list})`,
    `fliqs trial --id "$id" --state /state & child=$!`,
    `trap 'kill -TERM $child' TERM`,
    `wait $child; code=$?`,
    `while [ $code -gt 128 ] && kill -0 $child 2>/dev/null; do wait $child; code=$?; done`,
    `# another pod has the trial: no failure`,
    `[ $code != ${exitCodes.superseded} ] || code=0`,
    `exit $code`,
  ].join("\n")

const mebibytes = (memory: string | undefined): string =>
  `${Math.ceil((memory === undefined ? defaults.memory : bytesOf(memory)) / 2 ** 20)}Mi`

interface Group {
  readonly trials: ReadonlyArray<State.TrialFile>
  readonly resources: Resources
  readonly threads: number
}

const groupsOf = (trials: ReadonlyArray<State.TrialFile>): ReadonlyArray<Group> => {
  const groups = new Map<string, Array<State.TrialFile>>()
  for (const trial of trials) {
    const { resources = {}, threads } = trial.execution
    const { cpus = threads, memory } = resources
    const key = JSON.stringify([cpus, memory])
    groups.set(key, [...(groups.get(key) ?? []), trial])
  }
  return [...groups.values()].map((own) => ({
    trials: own,
    resources: own[0]!.execution.resources ?? {},
    threads: own[0]!.execution.threads,
  }))
}

const labelsOf = ({ gridId }: Left) => ({ app: "fliqs", "fliqs-grid": gridId })

const jobOf = (left: Left, image: string, group: Group, number: number) => {
  const { cpus = group.threads, memory } = group.resources
  const list = `/state/kubernetes/${left.gridId}/trials-${number}`
  const needs = { cpu: String(cpus), memory: mebibytes(memory) }
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: `fliqs-${left.gridId}-${number}`, labels: labelsOf(left) },
    spec: {
      completions: group.trials.length,
      parallelism: Math.min(group.trials.length, left.jobs ?? group.trials.length),
      completionMode: "Indexed",
      backoffLimitPerIndex: mostRetries,
      ttlSecondsAfterFinished: 86_400,
      podReplacementPolicy: "Failed",
      podFailurePolicy: {
        rules: [
          {
            action: "FailIndex",
            onExitCodes: {
              containerName: "trial",
              operator: "In",
              values: [exitCodes.failed, exitCodes.wrongInput],
            },
          },
          {
            action: "Ignore",
            onExitCodes: { containerName: "trial", operator: "In", values: [exitCodes.stopped] },
          },
          {
            action: "Ignore",
            onPodConditions: [{ type: "DisruptionTarget", status: "True" }],
          },
        ],
      },
      template: {
        metadata: { labels: labelsOf(left) },
        spec: {
          restartPolicy: "Never",
          terminationGracePeriodSeconds: 60,
          containers: [
            {
              name: "trial",
              image,
              command: ["sh", "-c", script(list)],
              env: [{ name: "MLFLOW_TRACKING_URI", value: "" }],
              resources: { requests: needs, limits: { memory: needs.memory } },
              volumeMounts: [{ name: "state", mountPath: "/state" }],
            },
          ],
          volumes: [{ name: "state", persistentVolumeClaim: { claimName: "fliqs-state" } }],
        },
      },
    },
  }
}

const volume = {
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name: "fliqs-state" },
  spec: {
    accessModes: ["ReadWriteMany"],
    resources: { requests: { storage: defaults.storage } },
  },
}

/** A pod that does nothing: the state folder is copied through it. */
const copier = (image: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "fliqs-copy" },
  spec: {
    restartPolicy: "Never",
    containers: [
      {
        name: "copy",
        image,
        command: ["sleep", "infinity"],
        volumeMounts: [{ name: "state", mountPath: "/state" }],
      },
    ],
    volumes: [{ name: "state", persistentVolumeClaim: { claimName: "fliqs-state" } }],
  },
})

const datasetsOf = (trials: ReadonlyArray<State.TrialFile>): ReadonlyArray<string> => [
  ...new Set(trials.flatMap(({ parameters }) => parameters["data.kind"] ?? [])),
]

/** Own images and files of a trial are found by the paths they have here. */
const pathsOf = (trials: ReadonlyArray<State.TrialFile>): ReadonlyArray<string> => [
  ...new Set(
    trials.flatMap(({ execution: { folder = "", initial }, parameters }) => {
      const path = parameters["data.path"]
      return [
        ...(path === undefined ? [] : [nodePath.resolve(folder, path)]),
        ...(initial === undefined ? [] : [initial]),
      ]
    }),
  ),
]

const containerFile = (trials: ReadonlyArray<State.TrialFile>): string =>
  `# The image of trials: Node, the packages, TensorFlow, the native kernels and the data sets are made ready once, here.
# Build it from a checkout of fliqs; commands.sh has the command.
FROM node:22-bookworm
RUN apt-get update \\
  && apt-get install -y --no-install-recommends g++ python3 python3-pip \\
  && rm -rf /var/lib/apt/lists/*
COPY . /opt/fliqs
ENV FLIQS_CACHE=/opt/fliqs-cache PATH=/opt/fliqs:$PATH
RUN sh /opt/fliqs/scripts/setup.sh tensors
${
  pathsOf(trials).length > 0
    ? ""
    : `RUN ${
        datasetsOf(trials)
          .map((kind) => `fliqs data pull ${kind}`)
          .join(" && ") || "true"
      }\n`
}`

const commands = ({ gridId, program, state }: Left, folder: string, image: string): string => {
  const here = shellWord(nodePath.dirname(program))
  const [from, files] = [nodePath.resolve(state), folder].map(shellWord)
  return `#!/bin/sh
# What runs this grid on Kubernetes, step by step. IMAGE names the image where the cluster finds it.
set -eu
: "\${IMAGE:?the image that the cluster pulls, such as registry.example/${image}}"

# 1. the image
docker build -f ${files}/Containerfile -t "$IMAGE" ${here}
docker push "$IMAGE"

# 2. a volume that all pods can write, and the state folder on it
kubectl apply -f ${files}/volume.yaml
sed "s|image: ${image}|image: $IMAGE|" ${files}/copy.yaml | kubectl apply -f -
kubectl wait --for=condition=Ready --timeout=10m pod/fliqs-copy
tar -C ${from} -cf - . | kubectl exec -i fliqs-copy -- tar -C /state -xf -

# 3. the trials
sed "s|image: ${image}|image: $IMAGE|" ${files}/jobs.yaml | kubectl apply -f -
kubectl wait --for=condition=Complete --timeout=-1s job -l fliqs-grid=${gridId} &
kubectl wait --for=condition=Failed --timeout=-1s job -l fliqs-grid=${gridId} &
# The first of the two that ends says that the jobs have ended; look with: kubectl get jobs,pods -l fliqs-grid=${gridId}
while kill -0 $! 2>/dev/null && [ -z "$(kubectl get jobs -l fliqs-grid=${gridId} -o 'jsonpath={.items[*].status.completionTime}')" ]; do sleep 10; done

# 4. the results
kubectl exec fliqs-copy -- tar -C /state -cf - . | tar -C ${from} -xf -
kubectl delete pod fliqs-copy
# fliqs sync --state ${from} sends them to MLflow; the same \`fliqs run\` without --on shows them and runs what is left.
`
}

export const KubernetesEngine: WritingEngine = {
  kind: "kubernetes",
  write: (left) => {
    const folder = `${nodePath.resolve(left.state)}/kubernetes/${left.gridId}`
    const image = "fliqs:1"
    const groups = groupsOf(left.trials)
    const ignored = ["partition", "gres", "account", "extra", "time"].filter((key) =>
      left.trials.some(({ execution }) => Object.hasOwn(execution.resources ?? {}, key)),
    )
    const paths = pathsOf(left.trials)
    return {
      folder,
      text: `${left.trials.length} trials in ${groups.length === 1 ? "one job" : `${groups.length} jobs`}: ${folder}`,
      notes: [
        "these files have been checked against the schemas of Kubernetes, and have not run on a cluster; commands.sh has the steps",
        ...(ignored.length === 0
          ? []
          : [`not taken over: ${ignored.map((key) => `resources.${key}`).join(", ")}`]),
        ...(paths.length === 0
          ? []
          : [`pods have to find under the same paths: ${paths.join(", ")}`]),
      ],
      files: {
        Containerfile: containerFile(left.trials),
        "Containerfile.dockerignore": "node_modules\n.cache\n.fliqs\n.git\n",
        "volume.yaml": yaml(volume),
        "copy.yaml": yaml(copier(image)),
        "jobs.yaml": groups
          .map((group, number) => yaml(jobOf(left, image, group, number)))
          .join("---\n"),
        "commands.sh": commands(left, folder, image),
        ...Object.fromEntries(
          groups.map(({ trials }, number) => [
            `trials-${number}`,
            trials.map(({ id }) => `${id}\n`).join(""),
          ]),
        ),
      },
    }
  },
}
