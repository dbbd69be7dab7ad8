import { expect, it } from "vitest"
import { pythonNames } from "../../src/export/pytorch/Names.ts"

it("names paths in Python, each apart, and none as Python or PyTorch have it", () => {
  const paths = ["stem", "stage1.0.conv1", "stage1_0.conv1", "a-b", "train", "lambda", "train_"]
  expect(Object.fromEntries(pythonNames(paths))).toEqual({
    stem: "stem",
    "stage1.0.conv1": "stage1_0_conv1",
    "stage1_0.conv1": "stage1_0_conv1_",
    "a-b": "a_b",
    train: "train_",
    lambda: "lambda_",
    train_: "train__",
  })
})
