/** The keys that data sets in shards have in common. Left out: their kinds (`WebDataset.ts`, `Parquet.ts`). */
import { Schema } from "effect"
import { FilePath, optional } from "../../declaration/Field.ts"
import { Links } from "../ImageBytes.ts"
import { pixelFields, sharedFields, splitFields } from "../ImageFolderSpec.ts"

export const shardFields = {
  ...sharedFields,
  path: FilePath.annotate({
    description:
      "The folder of the shards, from this file's folder, or one shard; their names say the split: train, test, val.",
    examples: ["flowers"],
  }),
  links: Schema.optionalKey(
    Links.annotate({
      description:
        "Links that lead out of the folder, as the Hugging Face cache makes them: follow, or refuse.",
      default: "refuse",
    }),
  ),
  classNames: optional(
    Schema.Array(Schema.String.check(Schema.isMinLength(1))).check(Schema.isMinLength(2)),
    "Names of the classes in the order of their labels. Default: those that the data set names, else the numbers.",
    { examples: [["no", "yes"]] },
  ),
  ...pixelFields,
  ...splitFields,
}
const ShardFields = Schema.Struct(shardFields)
export type ShardSpec = (typeof ShardFields)["Type"]
