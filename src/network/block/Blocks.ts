/** The only list of blocks. */
import type { Block } from "./Block.ts"
import { ConcatBlock } from "./ConcatBlock.ts"
import { ConvBlock, DepthwiseConvBlock } from "./ConvBlock.ts"
import { DenseBlock } from "./DenseBlock.ts"
import { DropoutBlock } from "./DropoutBlock.ts"
import { InvertedResidualBlock } from "./InvertedResidualBlock.ts"
import { PatchEmbedBlock } from "./PatchEmbedBlock.ts"
import { AveragePoolBlock, GlobalAveragePoolBlock, MaxPoolBlock } from "./PoolBlocks.ts"
import { BasicBlock, BottleneckBlock } from "./ResidualBlocks.ts"
import { FinalNormBlock, TakeClassTokenBlock, TokenMeanBlock } from "./TokenBlocks.ts"
import { TransformerBlock } from "./TransformerBlock.ts"

export const blocks: ReadonlyArray<Block> = [
  ConvBlock,
  DepthwiseConvBlock,
  BasicBlock,
  BottleneckBlock,
  InvertedResidualBlock,
  ConcatBlock,
  MaxPoolBlock,
  AveragePoolBlock,
  GlobalAveragePoolBlock,
  PatchEmbedBlock,
  TransformerBlock,
  FinalNormBlock,
  TakeClassTokenBlock,
  TokenMeanBlock,
  DropoutBlock,
  DenseBlock,
]
