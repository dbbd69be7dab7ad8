/** The only list of blocks. */
import type { Block } from "./Block.ts"
import { CellBlock } from "./CellBlock.ts"
import { ChoiceBlock } from "./ChoiceBlock.ts"
import { ConcatBlock } from "./ConcatBlock.ts"
import { ConvBlock, DepthwiseConvBlock } from "./ConvBlock.ts"
import { DenseBlock } from "./DenseBlock.ts"
import { DropoutBlock } from "./DropoutBlock.ts"
import { InvertedResidualBlock } from "./InvertedResidualBlock.ts"
import { PatchEmbedBlock } from "./PatchEmbedBlock.ts"
import { ActivationBlock, IdentityBlock, NormBlock, ZeroBlock } from "./PlainBlocks.ts"
import {
  AveragePoolBlock,
  FlattenBlock,
  GlobalAveragePoolBlock,
  GlobalMaxPoolBlock,
  MaxPoolBlock,
} from "./PoolBlocks.ts"
import { ResidualBlock } from "./ResidualBlock.ts"
import { BasicBlock, BottleneckBlock } from "./ResidualBlocks.ts"
import { SqueezeExciteBlock } from "./SqueezeExciteBlock.ts"
import { SumBlock } from "./SumBlock.ts"
import { FinalNormBlock, TakeClassTokenBlock, TokenMeanBlock } from "./TokenBlocks.ts"
import { TransformerBlock } from "./TransformerBlock.ts"

export const blocks: ReadonlyArray<Block> = [
  ConvBlock,
  DepthwiseConvBlock,
  BasicBlock,
  BottleneckBlock,
  InvertedResidualBlock,
  ResidualBlock,
  ConcatBlock,
  SumBlock,
  ChoiceBlock,
  CellBlock,
  IdentityBlock,
  ZeroBlock,
  SqueezeExciteBlock,
  NormBlock,
  ActivationBlock,
  MaxPoolBlock,
  AveragePoolBlock,
  GlobalAveragePoolBlock,
  GlobalMaxPoolBlock,
  FlattenBlock,
  PatchEmbedBlock,
  TransformerBlock,
  FinalNormBlock,
  TakeClassTokenBlock,
  TokenMeanBlock,
  DropoutBlock,
  DenseBlock,
]
